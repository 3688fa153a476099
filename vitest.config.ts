import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: [
      { find: /^kasane$/, replacement: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
      { find: /^kasane\/node$/, replacement: fileURLToPath(new URL("./src/node.ts", import.meta.url)) },
      { find: /^#onnxruntime$/, replacement: fileURLToPath(new URL("./src/runtime/ort/native.ts", import.meta.url)) },
      { find: /^kasane\/lab$/, replacement: fileURLToPath(new URL("./lab/index.ts", import.meta.url)) },
      { find: /^#workers$/, replacement: fileURLToPath(new URL("./src/parallel/index.ts", import.meta.url)) },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests that load ONNX Runtime by itself report nothing either.
    env: { ORT_DISABLE_TELEMETRY: "1" },
    // ONNX Runtime's native sessions belong to a process of their own; two cores carry two.
    pool: "forks",
    maxWorkers: 2,
  },
});
