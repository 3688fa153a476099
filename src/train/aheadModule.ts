import { check } from "../graph/error.js";

/** Does a job. */
export type Prepare = (job: unknown) => unknown;

/** What a module's export `prepare` makes of `setup`. */
export async function preparationOf(module: string, setup: unknown): Promise<Prepare> {
  const { prepare } = (await import(module)) as { readonly prepare?: unknown };
  check(typeof prepare === "function", () => `${module} exports no function called prepare`);
  const job: unknown = await prepare(setup);
  check(typeof job === "function", () => `${module}: prepare returned ${typeof job}, expected the function that does a job`);
  return job as Prepare;
}
