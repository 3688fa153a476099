import { check } from "../graph/error.js";

/** Throws for a string where its lines or pieces are expected: JavaScript would take it letter by letter. */
export function checkPieces(owner: string, pieces: unknown): void {
  check(typeof pieces !== "string", () => `${owner}: got a string, expected its parts: write [text]`);
}
