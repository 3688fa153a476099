/** Memory for the random numbers of one run at a time. It is used again, since every page of new memory costs time. */
export class DrawMemory {
  private numbers = new Float32Array(0);
  private taken = 0;

  /** Begins a run that draws `count` numbers. The arrays of the run before are overwritten. */
  start(count: number): void {
    if (this.numbers.length < count) this.numbers = new Float32Array(count);
    this.taken = 0;
  }

  /** The next `count` elements. */
  take(count: number): Float32Array<ArrayBuffer> {
    this.taken += count;
    return this.numbers.subarray(this.taken - count, this.taken);
  }
}
