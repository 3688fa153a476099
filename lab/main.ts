#!/usr/bin/env node
import { execute } from "./command/execute.js";
import { exitCodes } from "./ended.js";
import { experiments } from "./experiments.js";

// A reader that has seen enough, such as head, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

process.exitCode = await execute(experiments, process.argv.slice(2));
