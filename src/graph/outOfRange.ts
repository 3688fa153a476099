/** An index that no axis has. A graph adds it to negative indices where these do not count from the end. */
export const beyondAnyAxis = 2 ** 31;

/** What an executor says of an index that is out of range for an axis of `size`, where that is known. */
export function outOfRange(type: string, index: number, size?: number): string {
  const given = index >= beyondAnyAxis / 2 ? index - beyondAnyAxis : index;
  return `${type}: index ${given} is out of range${size === undefined ? "" : ` for an axis of ${size}`}`;
}
