import { hostFaults, restore } from '@flatnet/plugin-flatnet/restore';

/** What the operator's tools know of an attachment on the host: the main plugin's own words and deeds. */
export const hostSide = { faults: hostFaults, restore };
