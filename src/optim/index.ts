export * from "./adadelta.js";
export * from "./adagrad.js";
export * from "./adam.js";
export * from "./clip.js";
export * from "./optimizer.js";
export * from "./rmsProp.js";
export * from "./schedule.js";
export * from "./sgd.js";
