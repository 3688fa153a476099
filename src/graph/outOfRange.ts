/** An index that no axis has. A graph adds it to negative indices where these do not count from the end. */
export const beyondAnyAxis = 2 ** 31;

/** What greater indices are taken for: no axis is so large. */
export const greatestIndex = 2 ** 30 - 1;

/** What an executor says of an index that is out of range for an axis of `size`, where that is known. */
export function outOfRange(type: string, index: number, size?: number): string {
  const given = index > greatestIndex ? index - beyondAnyAxis : index;
  const more = given === greatestIndex ? " or more" : given === -greatestIndex ? " or less" : "";
  return `${type}: index ${given}${more} is out of range${size === undefined ? "" : ` for an axis of ${size}`}`;
}
