import { accessSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, REFERENCE_BIN } from '@flatnet/testing';

// A test that cannot run must not look like one that passed: what is missing ends the run with a sentence.
if (process.geteuid?.() !== 0) throw new Error('the e2e tests need root (network namespaces): sudo npm test');
for (const file of [join(BIN, 'flatnet'), join(REFERENCE_BIN, 'bridge'), '/usr/bin/podman']) {
  try {
    accessSync(file);
  } catch {
    throw new Error(`${file} is missing: npm test installs and builds it`);
  }
}
