// Starts aheadWorker.ts from the sources: a thread does not inherit what runs TypeScript. The built library starts aheadWorker.js itself.
import { register } from "tsx/esm/api";

register();
await import("./aheadWorker.ts");
