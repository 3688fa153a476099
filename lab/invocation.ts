import { delimiter, dirname, relative } from "node:path";

/** A word quoted for a shell, unless every shell takes its characters literally. */
export function quoted(word: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w@%+=:,./-]+$/.test(word) || (platform === "win32" && /^[\w@+=:,./\\-]+$/.test(word))) return word;
  return platform === "win32" ? `"${word.replaceAll('"', '\\"')}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What {@link invocation} needs to know about the process. */
interface Caller {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program that Node was told to run. */
  readonly script: string;
  /** Whether it is the source, as a clone runs it. */
  readonly isSource: boolean;
}

const thisProcess = (): Caller => ({ env: process.env, script: process.argv[1] ?? "", isSource: import.meta.url.endsWith(".ts") });

/** A command line of `kasane` that the user can copy: the command as it was called, and `words` in quotes where they need them. */
export const invocation = (words: readonly string[], caller = thisProcess()): string =>
  [programOf(caller), ...words.map((word) => quoted(word))].join(" ");

function programOf({ env, script, isSource }: Caller): string {
  // The package's own script of that name runs its sources.
  if (isSource || env.npm_lifecycle_event === "kasane") return "npm run kasane --";
  const onPath = (env.PATH ?? "").split(delimiter).includes(dirname(script));
  if (env.npm_lifecycle_event !== undefined || /[\\/]node_modules[\\/]/.test(script)) return "npx kasane";
  return onPath ? "kasane" : `node ${quoted(relative(process.cwd(), script))}`;
}
