import { readdirSync } from "node:fs";
import * as kasane from "kasane";
import { expect, it } from "vitest";
import { methods } from "../../src/ops/methods.js";
import { cases, table } from "./cases.js";
import { operatorsPage } from "./page.js";

it("has a case for every function that the library exports from src/ops", async () => {
  // Draws, and what only workers compute, have tests of their own.
  const elsewhere = ["random.ts", "exchange.ts"];
  const files = readdirSync(new URL("../../src/ops", import.meta.url)).filter((file) => !elsewhere.includes(file));
  const modules = await Promise.all(
    files.map((file) => import(/* @vite-ignore */ `../../src/ops/${file}`) as Promise<Record<string, unknown>>),
  );
  const functions = modules.flatMap((module) => Object.keys(module).filter((name) => module[name] instanceof Function));
  const exported = functions.filter((name) => name in kasane);
  expect(exported.length).toBeGreaterThan(100);
  expect(exported.filter((name) => !(name in table))).toEqual([]);
  expect(Object.keys(methods).filter((name) => !(name in table))).toEqual([]);
  expect(Object.keys(table).filter((name) => !(name in kasane))).toEqual([]);
});

it("names no two cases alike", () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

// `npm run docs:operators` writes it.
it("docs/operators.md is what the cases, the declarations and the record on WebGPU say", async () => {
  await expect(operatorsPage()).toMatchFileSnapshot("../../docs/operators.md");
});
