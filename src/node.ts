export * as datasets from "./datasets/index.js";
export { exportOnnx } from "./files/exportOnnx.js";
export * as files from "./files/index.js";
export { loadOnnx } from "./files/loadOnnx.js";
export { Profile, type ProfiledKernel, profile, type TimeShare } from "./runtime/profile.js";
export * as train from "./train/index.js";
