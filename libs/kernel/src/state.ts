/** What libraries keep on disk beside the kernel's state. */
export * from './record-folder.ts';
export * from './generation.ts';
export * from './state-files.ts';
