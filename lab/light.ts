// What the command needs of the library before it has to load it: these files import nothing of its other rooms.
export { closestName } from "../src/graph/closestName.js";
export { check, KasaneError, printable } from "../src/graph/error.js";
export { textTable } from "../src/graph/textTable.js";
export { exitCodeOf } from "../src/train/interrupt.js";
