// LEB128, the integers of WebAssembly and of protocol buffers: seven bits a byte, the lowest first; a set highest bit says that more bytes follow.

/** An integer from 0, after `bytes`. */
export function unsigned(value: number, bytes: number[] = []): number[] {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return bytes;
}

/** A signed 32-bit integer. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const byte = rest & 0x7f;
    const isLast = rest >> 7 === (byte & 0x40 ? -1 : 0);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}
