// What the command uses of the library without loading all of it: these files import nothing of its other rooms.
export { closestName } from "../src/graph/closestName.js";
export { check, excerpt, KasaneError, printable } from "../src/graph/error.js";
export { textTable } from "../src/graph/textTable.js";
export { exitCodeOf } from "../src/train/interrupt.js";
