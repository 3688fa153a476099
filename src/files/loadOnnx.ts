import { closeSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { check, excerpt } from "../graph/error.js";
import { parseModel } from "../onnx/fileGraph.js";
import type { ExternalData } from "../onnx/fileTensor.js";
import { OnnxModule, type OnnxOptions } from "../onnx/onnxModule.js";
import { fileError } from "./fileError.js";
import { openForReading, readIfThere } from "./readFile.js";

/** A file of protocol buffers has at most so many bytes; larger models keep their weights beside it. */
const mostBytes = 2 ** 31 - 1;

/**
 * The model of an `.onnx` file as a module; see {@link readOnnx}. Weights that it keeps in other files are read from its folder, and from nowhere
 * else. Node only.
 * @throws KasaneError where the file cannot be read or is no such model, or naming all operators that are missing
 */
export async function loadOnnx(file: string, options: OnnxOptions = {}): Promise<OnnxModule> {
  const bytes = readIfThere(file, mostBytes);
  check(bytes !== undefined, () => `${excerpt(file, 300)}: no such file`);
  return new OnnxModule(parseModel(bytes, excerpt(file, 300)), excerpt(file, 300), inFolder(dirname(file)), options);
}

/** Parts of the files in a folder. */
const inFolder =
  (folder: string): ExternalData =>
  (location, offset, length) => {
    const name = `the external data "${excerpt(location, 100)}"`;
    const isWithin = (path: string) => path !== "" && path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
    check(isWithin(relative(folder, join(folder, location))) && !isAbsolute(location), () => `${name} lies outside the model's folder`);
    const path = join(folder, location);
    let descriptor: number | undefined;
    try {
      // A link may lead outside, too.
      check(isWithin(relative(realpathSync(folder), realpathSync(path))), () => `${name} lies outside the model's folder`);
      descriptor = openSync(path, openForReading);
      const status = fstatSync(descriptor);
      check(status.isFile(), () => `${name} is no plain file`);
      const end = offset + (length ?? status.size - offset);
      check(
        offset <= status.size && end <= status.size,
        () => `${name} has ${status.size} bytes, but the model asks for those up to ${end}`,
      );
      const bytes = new Uint8Array(end - offset);
      for (let done = 0; done < bytes.length; ) {
        const count = readSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30), offset + done);
        check(count > 0, () => `${name} ends before its size`);
        done += count;
      }
      return bytes;
    } catch (error) {
      throw fileError(path, "cannot be read", error);
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  };
