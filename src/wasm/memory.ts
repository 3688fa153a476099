import type { Buffer } from "./buffers.js";
import type { Statement } from "./statements/statement.js";

interface Span {
  first: number;
  last: number;
}

/**
 * Gives every buffer its address. Two buffers share memory where their contents are never needed at the same time.
 * @param kept buffers that get an address even where no statement uses them
 * @param start the first address, in bytes
 * @returns the address behind the last
 */
export function layOut(statements: readonly Statement[], kept: readonly Buffer[], start: number): number {
  const buffers = new Set(kept);
  let time = 0;
  const touched: { buffer: Buffer; loops: readonly Span[]; at: number }[] = [];
  const walk = (list: readonly Statement[], loops: readonly Span[]): void => {
    for (const statement of list) {
      const at = time++;
      for (const buffer of [...statement.reads, ...statement.writes]) touched.push({ buffer, loops, at });
      if (!statement.body) continue;
      const span = { first: at, last: at };
      walk(statement.body, [...loops, span]);
      span.last = time++;
    }
  };
  walk(statements, []);
  for (const { buffer, loops, at } of touched) {
    if (buffer.hasTwin) continue;
    buffers.add(buffer);
    // A loop uses a buffer from outside in every iteration.
    const { first, last } = loops[buffer.depth] ?? { first: at, last: at };
    buffer.first = Math.min(buffer.first, first);
    buffer.last = Math.max(buffer.last, last);
  }
  return place([...buffers], start);
}

/** Places the largest buffers first, each at the lowest address that no buffer in use at the same time has. */
function place(buffers: readonly Buffer[], start: number): number {
  const placed: Buffer[] = [];
  let end = start;
  for (const buffer of [...buffers].sort((a, b) => b.size - a.size)) {
    const others = placed.filter((other) => other.first <= buffer.last && buffer.first <= other.last).sort((a, b) => a.address - b.address);
    let address = start;
    for (const other of others) {
      if (other.address >= address + bytesOf(buffer)) break;
      address = Math.max(address, other.address + bytesOf(other));
    }
    buffer.address = address;
    placed.push(buffer);
    end = Math.max(end, address + bytesOf(buffer));
  }
  return end;
}

/** What a buffer takes up: whole vectors. */
export const bytesOf = ({ size }: Buffer): number => Math.max(16, Math.ceil(size / 4) * 16);
