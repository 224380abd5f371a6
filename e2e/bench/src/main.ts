import { chain, chainSection } from './parts/chain.ts';
import { isolateState } from './sandbox.ts';
isolateState();
const full = await chain(true, 10, 20000);
const plain = await chain(false, 10, 20000);
console.log(JSON.stringify(chainSection(full, plain).tables, null, 1));
