/** The parts of the kernel that limits are made of. */

/** In the order of need; the last three redirect where `nft_fwd_netdev` is missing. */
export type Part = 'tbf' | 'ifb' | 'htb' | 'nft_fwd_netdev' | 'fq_codel' | 'sch_ingress' | 'cls_u32' | 'act_mirred';

export interface PartFacts {
  /** Whether STATUS fails without it. */
  readonly isNeeded: boolean;
  /** What is so without it, as a clause. */
  readonly without: string;
  /** The module of Linux that brings it. */
  readonly module: string;
}

export const PARTS: Readonly<Record<Part, PartFacts>> = {
  tbf: { isNeeded: true, without: 'no limit can be set', module: 'sch_tbf' },
  ifb: { isNeeded: true, without: 'containers with CAP_NET_ADMIN can end the limit of what they send', module: 'ifb' },
  htb: { isNeeded: true, without: 'no subnet can pass freely', module: 'sch_htb' },
  nft_fwd_netdev: { isNeeded: false, without: 'u32 filters redirect in its place', module: 'nft_fwd_netdev' },
  fq_codel: { isNeeded: false, without: 'flows of a limited container wait for each other', module: 'sch_fq_codel' },
  sch_ingress: { isNeeded: false, without: 'no filter can redirect', module: 'sch_ingress' },
  cls_u32: { isNeeded: false, without: 'no filter can redirect', module: 'cls_u32' },
  act_mirred: { isNeeded: false, without: 'no filter can redirect', module: 'act_mirred' },
};

/** The command that loads what brings the parts. */
export const loading = (parts: readonly Part[]): string =>
  `modprobe -a ${parts.map((part) => PARTS[part].module).join(' ')}`;
