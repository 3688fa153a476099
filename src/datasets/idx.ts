import { gunzipSync } from "node:zlib";
import { check, KasaneError } from "../graph/error.js";
import { sizeOf } from "../graph/shape.js";
import { fromData, type Tensor } from "../graph/tensor.js";

/** The most bytes that a file may unpack to. MNIST's images take 47 MB. */
const mostBytes = 2 ** 30;

/**
 * A file in the IDX format of unsigned bytes, as MNIST's and Fashion-MNIST's images and labels are (LeCun, Cortes and Burges 1998), packed by
 * gzip or not.
 * @param file its path, for errors
 * @returns uint8: images `[count, height, width]`, labels `[count]`
 * @throws KasaneError where the bytes are not of this format, or fewer or more than it says
 */
export function readIdx(bytes: Uint8Array, file?: string): Tensor {
  const owner = file === undefined ? "IDX" : `${file}: IDX`;
  const unpacked = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzip(bytes, owner) : bytes;
  const view = new DataView(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
  const rank = unpacked[3] ?? 0;
  const start = 4 + 4 * rank;
  check(
    unpacked.length >= start && view.getUint16(0) === 0 && unpacked[2] === 8 && rank > 0,
    () => `${owner}: the file does not begin as one of unsigned bytes does: expected 0, 0, 8 and the number of axes`,
  );
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  check(
    sizeOf(shape) === unpacked.length - start,
    () => `${owner}: ${unpacked.length - start} bytes do not fill [${shape.join(", ")}]: the file is damaged`,
  );
  return fromData(unpacked.slice(start), shape, "uint8");
}

function gunzip(bytes: Uint8Array, owner: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    throw new KasaneError(`${owner}: the gzip file cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}
