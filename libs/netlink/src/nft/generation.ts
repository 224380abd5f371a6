/** The number of the ruleset: it changes with each transaction of anyone. */
import type { Query } from '../message.ts';
import { readAttributes, required, u32be } from '../reader.ts';
import { GETGEN, NEWGEN } from './constants.ts';
import { HEADER, nftHeader } from './family.ts';

/** NFTA_GEN_ID of nf_tables.h */
const ID = 1;

export const getGeneration = (): Query<number> => ({
  name: 'NFT_MSG_GETGEN',
  type: GETGEN,
  flags: 0,
  write: (writer) => nftHeader(writer, undefined),
  decode: (body, type) => (type === NEWGEN ? required(readAttributes(body, HEADER), ID, u32be) : undefined),
});
