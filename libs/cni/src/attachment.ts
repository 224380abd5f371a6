/** The spec's identity of a container's interface on a network: CNI_CONTAINERID and CNI_IFNAME. */
export interface Attachment {
  readonly containerId: string;
  readonly ifName: string;
}
