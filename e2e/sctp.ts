/** CRC32c (RFC 9260, appendix A), bit by bit. */
const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
};

/** The first packet of an SCTP association: common header and INIT chunk (RFC 9260, 3.1 and 3.3.2), checksum included. */
export const sctpInit = (from: number, to: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, from);
  view.setUint16(2, to);
  view.setUint8(12, 1);
  view.setUint16(14, 20);
  view.setUint32(16, 0x01020304);
  view.setUint32(20, 65536);
  view.setUint16(24, 1);
  view.setUint16(26, 1);
  view.setUint32(28, 7);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
};
