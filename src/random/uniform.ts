/**
 * Fills `into` with numbers uniform in [0, 1), multiples of 2^-24, that follow from the key and the stream alone.
 * The generator is sfc32, "small fast counting", of PractRand (Chris Doty-Humphrey 2010): 128 bits of state, one of them a counter.
 */
export function fillUniform(into: Float32Array, [seed, counter]: readonly [number, number], stream: number): void {
  let a = seed | 0;
  let b = counter | 0;
  let c = (stream ^ (Math.floor(counter / 2 ** 32) * 0x9e3779b1)) | 0;
  let d = 1;
  // The first rounds mix the key into all of the state; they are thrown away, as PractRand does.
  for (let i = -16; i < into.length; i++) {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    if (i >= 0) into[i] = (t >>> 8) * 2 ** -24;
  }
}
