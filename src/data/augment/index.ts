export { type CropOptions, crop, type RandomCropOptions, randomCrop, type Size, type Surround } from "./crop.js";
export { dihedral, type FlipOptions, halfTurns, randomHorizontalFlip, randomVerticalFlip, turned } from "./flip.js";
export type { MovementOptions } from "./movement.js";
export { augmented, picturesOf, stackPictures } from "./pictures.js";
export { type ErasingOptions, randomErasing } from "./randomErasing.js";
export { compose, type LabelledBox, type Picture, randomApply, randomOf, type Sample, type Transform } from "./sample.js";
