/** Decoding with zod, whose errors name every field at fault. It costs milliseconds to load, so that verbs read shapes first. */
export { configObject, decode } from './decode.ts';
export { decodeOldestResult, decodeResult } from './result-schema.ts';
