/** The names that the image answers to in the reference's place; the others stay the reference's. */
export const DROP_IN_NAMES = ['bridge', 'host-local', 'portmap', 'bandwidth', 'tuning', 'dnsname', 'firewall'] as const;
