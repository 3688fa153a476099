export * as init from "./init.js";
export { Linear, type LinearOptions } from "./linear.js";
export { Module } from "./module.js";
export { readVariables, writeVariables } from "./state.js";
