import { defaultBridge, field } from '@flatnet/cni';

type Json = Readonly<Record<string, unknown>>;

/** The reference's default, which the drop-in keeps. */
const REFERENCE_BRIDGE = 'cni0';
const WITH_PARENT = ['macvlan', 'ipvlan'];

/**
 * The device on which containers of other networks see this network's frames, by the main plugin's keys: its bridge (with a VLAN,
 * `br0.5`) or the parent of macvlan and ipvlan. Undefined where the configuration does not tell.
 */
export const segmentOf = (json: Json): string | undefined => {
  const text = (key: string): string | undefined => {
    const value = field(json, key);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const type = text('type') ?? '';
  if (WITH_PARENT.includes(type)) return text('master');
  const bridge = text('bridge') ?? defaultBridgeOf(type, text('name'));
  const vlan = field(json, 'vlan');
  return bridge !== undefined && typeof vlan === 'number' && vlan !== 0 ? `${bridge}.${vlan}` : bridge;
};

const defaultBridgeOf = (type: string, name: string | undefined): string | undefined => {
  if (type === 'bridge') return REFERENCE_BRIDGE;
  return type === 'flatnet' && name !== undefined ? defaultBridge(name) : undefined;
};
