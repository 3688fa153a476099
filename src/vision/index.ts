export { area, type Box, clipBox, decodeBox, encodeBox, giou, iou } from "./boxes.js";
export { decodeBoxes, encodeBoxes, giouLoss, giouOfBoxes, iouOfBoxes } from "./boxTensors.js";
export { background, type MatchOptions, matchAnchors, unmatched } from "./match.js";
export { type KeptBox, nonMaximumSuppression, type SuppressionOptions } from "./suppress.js";
