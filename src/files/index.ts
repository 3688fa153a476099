export { writeAtomically } from "./atomicWrite.js";
export { type Bundle, type BundleParts, loadBundle, saveBundle } from "./bundle.js";
export { decodeJpeg } from "./decodeJpeg.js";
export { decodePicture } from "./decodePicture.js";
export { decodeMask, decodePng } from "./decodePng.js";
export { EventWriter } from "./events.js";
export { makeFolder } from "./fileError.js";
export { type FolderLock, lockFolder } from "./folderLock.js";
export { encodePng, type Pixels } from "./png.js";
export { readIfThere, readJson } from "./readFile.js";
export {
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsHeader,
  type TensorEntry,
  writeSafetensors,
} from "./safetensors.js";
export { jsonOf, parseAs } from "./schema.js";
export { loadVocabulary, saveVocabulary } from "./vocabularyFile.js";
