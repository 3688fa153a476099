import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { commandOf, environmentOf } from "../../bench/run/peers.js";

it("Kasane's agents in the bench answer with the time of a step", async () => {
  const [file, ...words] = commandOf({ name: "", label: "", kind: "kasane", program: ["agents.ts"], needs: [] }, 1);
  const peer = spawn(file as string, words, { env: environmentOf(1), stdio: ["pipe", "pipe", "inherit"] });
  try {
    const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value as string);
    expect(await next()).toHaveProperty("Node");
    for (const request of ["ppo 1024\n", "dqn 2500\n"]) {
      peer.stdin.write(request);
      expect(await next()).toBeGreaterThan(0);
    }
  } finally {
    peer.kill();
  }
});
