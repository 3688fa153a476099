/** Grey images as rows of pixels. */
export interface Pictures {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** `count * height * width` bytes, 0 black to 255 white. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** One a picture. */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** The size of the pictures of MNIST and Fashion-MNIST, which others are brought to. */
export const pictureSize = { height: 28, width: 28 } as const;

/** The pictures from index `start` up to `end`. */
export function part({ height, width, pixels, labels }: Pictures, start: number, end: number): Pictures {
  const size = height * width;
  return { count: end - start, height, width, pixels: pixels.subarray(start * size, end * size), labels: labels.subarray(start, end) };
}

/** All pictures in parts of `size`, the last of which may be smaller. */
export function* inParts(pictures: Pictures, size: number): Generator<Pictures> {
  for (let start = 0; start < pictures.count; start += size) yield part(pictures, start, Math.min(start + size, pictures.count));
}

/** The pictures at the given indices. */
export function picturesAt({ height, width, pixels, labels }: Pictures, places: ArrayLike<number>): Pictures {
  const size = height * width;
  const chosen = Array.from(places);
  const result = {
    count: chosen.length,
    height,
    width,
    pixels: new Uint8Array(chosen.length * size),
    labels: new Uint8Array(chosen.length),
  };
  chosen.forEach((place, row) => {
    result.pixels.set(pixels.subarray(place * size, (place + 1) * size), row * size);
    result.labels[row] = labels[place] as number;
  });
  return result;
}
