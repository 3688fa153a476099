import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { datasets } from "kasane/node";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { tarOf } from "./makeTar.js";

const texts: Record<string, string> = { "toy.train.txt": "a b c", "toy.test.txt": "c b a" };
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const read = (files: Map<string, Uint8Array>) =>
  Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]));

/** A home of datasets on this machine: what `served` holds, else 404. */
let server: Server;
let home: string;
let served: Record<string, string>;
let requests: string[];
let folder: string;
let cache: string;

const toy = (base = home): datasets.Dataset => ({
  name: "toy",
  title: "Toy corpus",
  files: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { url: `${base}/${name}`, sha256: sha256(text) }])),
});

beforeAll(async () => {
  server = createServer((request, response) => {
    const name = request.url?.slice(1) ?? "";
    requests.push(name);
    const text = served[name];
    response.writeHead(text === undefined ? 404 : 200, text === undefined ? {} : { "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  home = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kasane-test-"));
  cache = join(folder, "cache");
  served = { ...texts };
  requests = [];
  return () => rmSync(folder, { recursive: true, force: true });
});

it.each([
  ["by themselves", (name: string) => writeFileSync(join(folder, name), texts[name] as string)],
  [
    "in a folder of the dataset's name",
    (name: string) => {
      mkdirSync(join(folder, "toy"), { recursive: true });
      writeFileSync(join(folder, "toy", name), texts[name] as string);
    },
  ],
  [
    "in an archive",
    () => {
      const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [`any/${name}`, text]));
      writeFileSync(join(folder, "toy.tar.gz"), gzipSync(tarOf(files)));
    },
  ],
])("finds files that lie %s", async (_, put) => {
  for (const name of Object.keys(texts)) put(name);
  expect(read(await datasets.readDataset(toy(), { folder, cache }))).toEqual(texts);
  expect(requests).toEqual([]);
});

it("downloads what is missing once, tells of it, and keeps it", async () => {
  writeFileSync(join(folder, "toy.test.txt"), texts["toy.test.txt"] as string);
  const told: unknown[] = [];
  const files = await datasets.readDataset(toy(), { folder, cache, onDownload: (...progress) => told.push(progress) });
  expect(read(files)).toEqual(texts);
  expect(requests).toEqual(["toy.train.txt"]);
  expect(told.at(-1)).toEqual(["toy.train.txt", 5, 5]);
  expect(readdirSync(join(cache, "toy"))).toEqual(["toy.train.txt"]);
  await datasets.readDataset(toy(), { folder, cache });
  expect(requests).toHaveLength(1);
});

it("refuses a file that is not the published one, and keeps no such download", async () => {
  served["toy.train.txt"] = "a b d";
  await expect(datasets.readDataset(toy(), { cache })).rejects.toThrow(
    `${home}/toy.train.txt is not the published file: its SHA-256 is ${sha256("a b d")}, expected ${sha256("a b c")}`,
  );
  expect(existsSync(join(cache, "toy", "toy.train.txt"))).toBe(false);
  writeFileSync(join(folder, "toy.train.txt"), "changed");
  await expect(datasets.readDataset(toy(), { folder, cache })).rejects.toThrow(/toy\.train\.txt is not the published file/);
  expect(readFileSync(join(folder, "toy.train.txt"), "utf8")).toBe("changed");
});

it("neither downloads nor reads more than the limit, and no pipe", async () => {
  const large = "x".repeat(2000);
  served["toy.train.txt"] = large;
  await expect(datasets.readDataset(toy(), { cache, limit: 1000 })).rejects.toThrow(
    /downloading .*toy\.train\.txt failed \(it has more than 1000 bytes\)/,
  );
  writeFileSync(join(folder, "toy.train.txt"), large);
  await expect(datasets.readDataset(toy(), { folder, cache, limit: 1000 })).rejects.toThrow(
    /toy\.train\.txt is too large: 2000 bytes, expected at most 1000/,
  );
  if (process.platform === "win32") return;
  rmSync(join(folder, "toy.train.txt"));
  spawnSync("mkfifo", [join(folder, "toy.train.txt")]);
  await expect(datasets.readDataset(toy(), { folder, cache })).rejects.toThrow(/toy\.train\.txt cannot be read: it is no plain file/);
});

it("says which file to put where when it cannot be downloaded", async () => {
  served = {};
  await expect(datasets.readDataset(toy(), { folder, cache })).rejects.toThrow(
    `Toy corpus: toy.train.txt is not in ${folder} or ${cache}, and downloading ${home}/toy.train.txt failed (the server answered 404 Not Found): ` +
      `put toy.train.txt into ${join(cache, "toy")}, or name a folder that holds it or toy.tar.gz with --data DIR or KASANE_DATA`,
  );
  // Port 9 of this machine discards, or is closed.
  await expect(datasets.readDataset(toy("http://127.0.0.1:9"), { cache })).rejects.toThrow(
    /failed \(fetch failed: .+\): put toy\.train\.txt into/,
  );
});

it("takes a file packed by gzip for what is in it", async () => {
  const packed = gzipSync(texts["toy.train.txt"] as string);
  const dataset: datasets.Dataset = {
    ...toy(),
    files: { "toy.train.txt": { url: `${home}/toy.train.txt.gz`, sha256: sha256(texts["toy.train.txt"] as string) } },
  };
  writeFileSync(join(folder, "toy.train.txt.gz"), packed);
  expect(read(await datasets.readDataset(dataset, { folder, cache }))).toEqual({ "toy.train.txt": "a b c" });
  expect(requests).toEqual([]);
  writeFileSync(join(folder, "toy.train.txt.gz"), packed.subarray(0, 12));
  await expect(datasets.readDataset(dataset, { folder, cache })).rejects.toThrow(/toy\.train\.txt\.gz cannot be unpacked as gzip/);
  writeFileSync(join(folder, "toy.train.txt.gz"), gzipSync("a".repeat(2000)));
  await expect(datasets.readDataset(dataset, { folder, cache, limit: 1000 })).rejects.toThrow(/cannot be unpacked as gzip/);
});

it("downloads a packed file, and keeps it packed", async () => {
  served["toy.train.txt.gz"] = "not packed";
  const dataset: datasets.Dataset = { ...toy(), files: { "toy.train.txt": { url: `${home}/toy.train.txt.gz`, sha256: sha256("a b c") } } };
  await expect(datasets.readDataset(dataset, { folder, cache })).rejects.toThrow(/cannot be unpacked as gzip/);
  expect(existsSync(join(cache, "toy"))).toBe(false);
});
