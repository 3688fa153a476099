export {
  type AffineOptions,
  affine,
  type InterpolationOptions,
  type RandomAffineOptions,
  randomAffine,
  randomRotation,
  type Spread,
} from "./affine.js";
export { colorJitter, type JitterOptions } from "./colorJitter.js";
export {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  adjustSharpness,
  autocontrast,
  equalize,
  posterize,
  solarize,
} from "./colours.js";
export { type CropOptions, crop, type RandomCropOptions, randomCrop, type Size, type Surround } from "./crop.js";
export { dihedral, type FlipOptions, halfTurns, randomHorizontalFlip, randomVerticalFlip, turned } from "./flip.js";
export { type BatchTransform, batchRandomOf, cutmix, type MixedBatch, type MixOptions, mixedCrossEntropy, mixup } from "./mix.js";
export type { MovementOptions } from "./movement.js";
export { augmented, picturesOf, stackPictures } from "./pictures.js";
export { type RandAugmentOptions, randAugment } from "./randAugment.js";
export { type ErasingOptions, randomErasing } from "./randomErasing.js";
export { type ResizedCropOptions, randomResizedCrop, resize } from "./resize.js";
export { compose, type LabelledBox, type Picture, randomApply, randomOf, type Sample, type Transform } from "./sample.js";
