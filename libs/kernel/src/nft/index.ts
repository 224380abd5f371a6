export * from './apply.ts';
export * from './commands.ts';
export { elementsOf, type Nft, type NftListing, type NftOptions } from './nft.ts';
