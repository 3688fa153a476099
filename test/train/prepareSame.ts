export const { url } = import.meta;

/** Writes every result into the same array. */
export function prepare() {
  const made = new Float32Array(3);
  return (job: number) => made.fill(job);
}
