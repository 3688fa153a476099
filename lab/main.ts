#!/usr/bin/env node
import { execute } from "./command/execute.js";
import { exitCodes } from "./ended.js";
import { experiments } from "./experiments.js";

// That a reader such as head closes the pipe early is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

process.exitCode = await execute(experiments, process.argv.slice(2));
