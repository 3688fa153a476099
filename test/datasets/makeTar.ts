/** A tar header with a right checksum. */
export function tarHeader(
  name: string,
  size: number,
  { type = "0", prefix = "", size: sizeField }: { type?: string; prefix?: string; size?: Uint8Array } = {},
) {
  const header = new Uint8Array(512);
  const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put(size.toString(8).padStart(11, "0"), 124);
  if (sizeField) header.fill(0, 124, 136).set(sizeField, 124);
  put("        ", 148);
  put(type, 156);
  put("ustar\x0000", 257);
  put(prefix, 345);
  put(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return header;
}

/** A tar archive of text files. */
export function tarOf(files: Readonly<Record<string, string>>): Uint8Array {
  const parts = Object.entries(files).flatMap(([name, text]) => {
    const body = new TextEncoder().encode(text);
    const padded = new Uint8Array(Math.ceil(body.length / 512) * 512);
    padded.set(body);
    return [tarHeader(name, body.length), padded];
  });
  return Buffer.concat([...parts, new Uint8Array(1024)]);
}
