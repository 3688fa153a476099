export * from "./autoencoder.js";
export * from "./ensemble.js";
export * from "./sequenceModel.js";
export * from "./sequenceOnnx.js";
export * from "./sequenceToSequence.js";
export * from "./transformer.js";
export * from "./variationalAutoencoder.js";
