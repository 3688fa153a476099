/**
 * The discrete Fourier transform of `size` complex numbers, `X[k] = sum over n of x[n] exp(-2 pi i k n / size)`, for any size: it is split by
 * its prime factors (Cooley and Tukey 1965), so a size of small factors is fast and a prime takes size² steps.
 * @returns a function of the real and the imaginary parts, which it leaves as they are, that gives those of the transform
 */
export function fourierTransform(size: number): (real: Float64Array, imaginary: Float64Array) => [Float64Array, Float64Array] {
  const angles = Array.from({ length: size }, (_, i) => (-2 * Math.PI * i) / size);
  const [cosines, sines] = [Float64Array.from(angles, Math.cos), Float64Array.from(angles, Math.sin)];
  return (real, imaginary) => {
    const [toReal, toImaginary] = [new Float64Array(size), new Float64Array(size)];
    /** Writes the transform of `count` inputs, `stride` apart from `from`, to `to` and after. */
    const transform = (from: number, stride: number, to: number, count: number): void => {
      if (count === 1) {
        toReal[to] = real[from] as number;
        toImaginary[to] = imaginary[from] as number;
        return;
      }
      const factor = smallestFactor(count);
      const part = count / factor;
      for (let r = 0; r < factor; r++) transform(from + r * stride, stride * factor, to + r * part, part);
      const [partReal, partImaginary] = [new Float64Array(factor), new Float64Array(factor)];
      for (let k = 0; k < part; k++) {
        for (let r = 0; r < factor; r++) {
          partReal[r] = toReal[to + r * part + k] as number;
          partImaginary[r] = toImaginary[to + r * part + k] as number;
        }
        // X[k + q part] = sum over r of part r's X[k] exp(-2 pi i r (k + q part) / count)
        for (let q = 0; q < factor; q++) {
          const output = k + q * part;
          let [sumReal, sumImaginary] = [0, 0];
          for (let r = 0; r < factor; r++) {
            const turn = (r * output * stride) % size;
            const [a, b] = [partReal[r] as number, partImaginary[r] as number];
            const [c, s] = [cosines[turn] as number, sines[turn] as number];
            sumReal += a * c - b * s;
            sumImaginary += a * s + b * c;
          }
          toReal[to + output] = sumReal;
          toImaginary[to + output] = sumImaginary;
        }
      }
    };
    transform(0, 1, 0, size);
    return [toReal, toImaginary];
  };
}

function smallestFactor(count: number): number {
  for (let factor = 2; factor * factor <= count; factor++) if (count % factor === 0) return factor;
  return count;
}
