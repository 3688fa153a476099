/** The leading eigenvectors of a covariance matrix, each of length 1, those of the greatest variances first. */
export interface PrincipalComponents {
  /** `[count][size]` */
  readonly directions: readonly Float64Array[];
  readonly variances: readonly number[];
}

/** Directions that are carried along beside those wanted: the iteration converges by the ratio of the variances on both sides of its edge. */
const beside = 16;

const iterations = 60;

/**
 * The `count` directions in which data of a covariance matrix vary most, by subspace iteration (Golub and Van Loan, Matrix Computations, 8.2.4)
 * and the Rayleigh-Ritz method within the subspace.
 * @param covariance symmetric `[size, size]`, in rows
 */
export function principalComponents(covariance: ArrayLike<number>, size: number, count: number): PrincipalComponents {
  const width = Math.min(size, count + beside);
  // A fixed start without a pattern.
  let basis = Array.from({ length: width }, (_, j) => Float64Array.from({ length: size }, (_, i) => Math.sin(1 + i * (j + 1) * 1.618 + j)));
  orthonormalise(basis);
  for (let i = 0; i < iterations; i++) {
    basis = basis.map((vector) => product(covariance, size, vector));
    orthonormalise(basis);
  }
  const images = basis.map((vector) => product(covariance, size, vector));
  const { values, vectors } = symmetricEigen(basis.map((a) => images.map((b) => dot(a, b))));
  const chosen = values
    .map((_, i) => i)
    .sort((a, b) => (values[b] as number) - (values[a] as number))
    .slice(0, count);
  const directions = chosen.map((index) => {
    const direction = new Float64Array(size);
    basis.forEach((vector, j) => {
      addTo(direction, vector, (vectors[j] as number[])[index] as number);
    });
    return direction;
  });
  return { directions, variances: chosen.map((index) => values[index] as number) };
}

function product(matrix: ArrayLike<number>, size: number, vector: Float64Array): Float64Array<ArrayBuffer> {
  const result = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0, at = i * size; j < size; j++, at++) sum += (matrix[at] as number) * (vector[j] as number);
    result[i] = sum;
  }
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** `vector += factor * other` */
function addTo(vector: Float64Array, other: Float64Array, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) + factor * (other[i] as number);
}

/** Gram and Schmidt's process in place, twice, since once leaves what rounding lost. What depends on the vectors before it becomes 0. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  vectors.forEach((vector, j) => {
    const before = Math.sqrt(dot(vector, vector));
    for (let round = 0; round < 2; round++) {
      for (const other of vectors.slice(0, j)) addTo(vector, other, -dot(vector, other));
    }
    const length = Math.sqrt(dot(vector, vector));
    addTo(vector, vector, (length > 1e-12 * before ? 1 / length : 0) - 1);
  });
}

/** All eigenvalues and eigenvectors (in columns) of a small symmetric matrix, by Jacobi's rotations (Golub and Van Loan, 8.5). */
function symmetricEigen(matrix: readonly (readonly number[])[]): { readonly values: number[]; readonly vectors: number[][] } {
  const a = matrix.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((_, j) => Number(i === j)));
  const size = a.length;
  const at = (rows: number[][], i: number, j: number) => (rows[i] as number[])[j] as number;
  /** Two elements of a row, or of a column, turned by an angle of the given sine and cosine. */
  const turn = (rows: number[][], [i, j]: [number, number], [k, l]: [number, number], sine: number, cosine: number) => {
    const [x, y] = [at(rows, i, j), at(rows, k, l)];
    (rows[i] as number[])[j] = cosine * x - sine * y;
    (rows[k] as number[])[l] = sine * x + cosine * y;
  };
  for (let sweep = 0; sweep < 30; sweep++) {
    let largest = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const off = at(a, p, q);
        if (off === 0) continue;
        largest = Math.max(largest, Math.abs(off) / (Math.sqrt(Math.abs(at(a, p, p) * at(a, q, q))) || 1));
        const ratio = (at(a, q, q) - at(a, p, p)) / (2 * off);
        const tangent = (ratio < 0 ? -1 : 1) / (Math.abs(ratio) + Math.sqrt(ratio * ratio + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        const sine = tangent * cosine;
        for (let k = 0; k < size; k++) turn(a, [k, p], [k, q], sine, cosine);
        for (let k = 0; k < size; k++) {
          turn(a, [p, k], [q, k], sine, cosine);
          turn(vectors, [k, p], [k, q], sine, cosine);
        }
      }
    }
    if (largest < 1e-12) break;
  }
  return { values: a.map((row, i) => row[i] as number), vectors };
}
