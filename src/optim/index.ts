export { clipByGlobalNorm, clipByValue, globalNorm } from "./clip.js";
export { Optimizer, type OptimizerOptions, type Rule, type Slots } from "./optimizer.js";
export { constant, cosine, inverseSquareRoot, piecewise, type Schedule, stepDecay, warmUp } from "./schedule.js";
export { SGD, type SGDOptions } from "./sgd.js";
