export * from './errno.ts';
export { SysError, SysUnavailable } from './error.ts';
export { type Die, type Netns, withNetns } from './netns.ts';
export { netnsCookie } from './netns-cookie.ts';
export * from './sys.ts';
