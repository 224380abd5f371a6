import { CniError, ErrorCode } from '@flatnet/cni';
import { addVlans, deleteVlans, type Change } from '@flatnet/kernel';

/** VLANs of a bridge port, as ranges without overlap. */
export interface VlanPlan {
  /** Untagged traffic of the container is in this one. */
  readonly native: number;
  readonly tagged: readonly VlanRange[];
  /** Whether the port also stays in VLAN 1, where the kernel puts every port. */
  readonly keepDefault: boolean;
}
export interface VlanRange {
  readonly first: number;
  readonly last: number;
}
interface TrunkEntry {
  readonly id?: number | undefined;
  readonly minID?: number | undefined;
  readonly maxID?: number | undefined;
}

const KERNEL_DEFAULT = 1;

/** The keys `vlan`, `vlanTrunk`, `preserveDefaultVlan`; undefined when no VLAN is asked for. @throws CniError code 7. */
export function parseVlans(
  vlan: number | undefined,
  trunk: readonly TrunkEntry[] | undefined,
  keepDefault: boolean,
): VlanPlan | undefined {
  if (!vlan && !trunk?.length) return undefined;
  return { native: vlan || KERNEL_DEFAULT, tagged: merge((trunk ?? []).flatMap(rangesOf)), keepDefault };
}

function rangesOf({ id, minID, maxID }: TrunkEntry): VlanRange[] {
  const refuse = (why: string): never => {
    throw new CniError(ErrorCode.invalidConfig, 'invalid vlanTrunk', why);
  };
  if ((minID === undefined) !== (maxID === undefined)) refuse('minID and maxID must be given together');
  if (minID !== undefined && maxID !== undefined && minID > maxID) refuse('minID cannot be greater than maxID');
  if (id === undefined && minID === undefined) refuse('an entry needs id, or minID and maxID');
  return [
    ...(minID === undefined || maxID === undefined ? [] : [{ first: minID, last: maxID }]),
    ...(id === undefined ? [] : [{ first: id, last: id }]),
  ];
}

function merge(ranges: readonly VlanRange[]): VlanRange[] {
  const merged: VlanRange[] = [];
  for (const range of [...ranges].sort((one, other) => one.first - other.first)) {
    const last = merged.at(-1);
    if (last !== undefined && range.first <= last.last + 1) {
      merged[merged.length - 1] = { first: last.first, last: Math.max(last.last, range.last) };
    } else merged.push(range);
  }
  return merged;
}

/** The changes that put `port` into its VLANs. */
export function vlanChanges(port: string, plan: VlanPlan): readonly Change[] {
  const leaveDefault = !plan.keepDefault && plan.native !== KERNEL_DEFAULT;
  const tagged = plan.tagged.map(({ first, last }) => (first === last ? { id: first } : { id: first, to: last }));
  return [
    ...(leaveDefault ? [deleteVlans(port, [{ id: KERNEL_DEFAULT }])] : []),
    addVlans(port, [{ id: plan.native, pvid: true, untagged: true }, ...tagged]),
  ];
}

/** The device that carries the gateway's address of a VLAN: `<bridge>.<vlan>`, tagged on the bridge itself. */
export const gatewayDevice = (bridge: string, plan: VlanPlan | undefined): string =>
  plan === undefined || plan.native === KERNEL_DEFAULT ? bridge : `${bridge}.${plan.native}`;
