/** Numbers of linux/netfilter/nf_tables.h and nfnetlink.h. */
export const NFNL_SUBSYS_NFTABLES = 10;
/** NFNL_MSG_BATCH_BEGIN and _END. */
export const BATCH_BEGIN = 16;
export const BATCH_END = 17;

/** NFT_MSG_*, as they stand in a message's type. */
const type = (message: number): number => (NFNL_SUBSYS_NFTABLES << 8) | message;
export const NEWTABLE = type(0);
export const GETTABLE = type(1);
export const DELTABLE = type(2);
export const NEWCHAIN = type(3);
export const GETCHAIN = type(4);
export const DELCHAIN = type(5);
export const NEWRULE = type(6);
export const GETRULE = type(7);
export const DELRULE = type(8);
export const NEWSET = type(9);
export const GETSET = type(10);
export const DELSET = type(11);
export const NEWSETELEM = type(12);
export const GETSETELEM = type(13);
export const DELSETELEM = type(14);
export const NEWGEN = type(15);
export const GETGEN = type(16);

/** linux/netlink.h: NLA_F_NESTED, which nf_tables expects. */
export const NESTED = 0x8000;
export const LIST_ELEM = 1;
