import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { check, KasaneError, printable } from "kasane";
import { files, train } from "kasane/node";
import { z } from "zod";

/** The most threads that a run may be given. */
export const mostThreads = 1024;

/** Bytes that `config.json`, and a file like it, may have. */
export const largestConfig = 2 ** 20;

const name = z
  .string()
  .max(100)
  .regex(/^[\w-]+$/);

/** What a run was started with, as `config.json` holds it. */
const runConfig = z.object({
  experiment: name,
  options: z.record(z.string().max(100).regex(/^\w+$/), z.unknown()),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  device: name,
  /** The number of threads, if one was given. */
  threads: z.int().min(1).max(mostThreads).optional(),
  /** The folder with datasets, if one was given. */
  data: z.string().min(1).optional(),
  /** When it was started, in ISO 8601. */
  started: z.iso.datetime(),
  /** Whether it is complete. Otherwise it can be resumed. */
  finished: z.boolean(),
});

/** What a run was started with. */
export type RunConfig = z.output<typeof runConfig>;

/** A run's folder: its configuration, its metrics and every file that it leaves. */
export class RunFolder {
  readonly metrics: train.MetricsFile;

  private constructor(
    readonly path: string,
    private current: RunConfig,
  ) {
    this.metrics = new train.MetricsFile(join(path, "metrics.jsonl"));
  }

  /** Makes `EXPERIMENT-DATE-N` in `parent`, with the first free number. */
  static async create(parent: string, config: RunConfig): Promise<RunFolder> {
    const date = config.started.slice(0, 10);
    try {
      files.makeFolder(parent);
      for (let n = 1; ; n++) {
        const path = join(parent, `${config.experiment}-${date}-${n}`);
        if (!made(path)) continue;
        const folder = new RunFolder(path, config);
        await folder.update({});
        return folder;
      }
    } catch (error) {
      throw new KasaneError(`no run folder can be made in ${parent}: ${(error as Error).message}: name another with --runs DIR`, {
        cause: error,
      });
    }
  }

  /**
   * The run in a folder.
   * @param run a folder's path, or the name of one in `parent`
   * @throws KasaneError where there is none, or it holds no readable configuration
   */
  static open(run: string, parent: string): RunFolder {
    const path = [run, join(parent, run)].find((candidate) => existsSync(candidate) && statSync(candidate).isDirectory());
    check(path !== undefined, () => `no run "${run}": there is no such folder here, nor in ${parent}: see kasane runs`);
    const file = join(path, "config.json");
    const config = files.readJson(file, largestConfig);
    check(config !== undefined, () => `${path} is no run folder: it holds no config.json`);
    return new RunFolder(path, files.parseAs(runConfig, config, `${file} is damaged`));
  }

  /**
   * The runs in `parent`, oldest first. Other folders are skipped.
   * @param onDamaged is told of each whose configuration cannot be read
   */
  static list(parent: string, onDamaged: (message: string) => void): RunFolder[] {
    if (!existsSync(parent) || !statSync(parent).isDirectory()) return [];
    const names = readdirSync(parent).filter((name) => existsSync(join(parent, name, "config.json")));
    const runs = names.flatMap((name) => {
      try {
        return [RunFolder.open(join(parent, name), parent)];
      } catch (error) {
        onDamaged((error as Error).message);
        return [];
      }
    });
    return runs.sort((a, b) => (a.config.started < b.config.started ? -1 : 1));
  }

  /** The last part of the path, safe to print. */
  get name(): string {
    return printable(basename(this.path));
  }

  /** The path as a user in the working directory would write it, safe to print. */
  get shown(): string {
    const path = relative(process.cwd(), this.path);
    return printable(path.startsWith("..") ? resolve(this.path) : path || ".");
  }

  /** What the run was started with. */
  get config(): RunConfig {
    return this.current;
  }

  /** The path of a file in the folder. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** Keeps other processes from going on with the run at the same time; the experiments' training locks its own folder in it besides. */
  lock(): Promise<files.FolderLock> {
    return files.lockFolder(this.path, "run.lock");
  }

  /** Removes the folder with all that is in it. */
  remove(): void {
    rmSync(this.path, { recursive: true });
  }

  /** Removes the folder if nothing was trained in it. */
  removeIfEmpty(): void {
    const isEmpty = this.metrics.read().length === 0 && !existsSync(this.file("last.safetensors"));
    if (isEmpty) this.remove();
  }

  /** Changes the configuration on disk. */
  async update(changes: Partial<RunConfig>): Promise<void> {
    this.current = { ...this.current, ...changes };
    await files.writeAtomically(this.file("config.json"), `${JSON.stringify(this.current, null, 2)}\n`);
  }
}

/** Makes a folder, atomically; returns false where something of its name exists. */
function made(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
