/** DQN and PPO on CartPole by Kasane's agents, with the settings of CleanRL's dqn.py and ppo.py: answers as `agents_torch.py` does. */
import { createInterface } from "node:readline";
import { rl, seed } from "kasane";

const environments = (count: number) => new rl.VectorEnvironment(Array.from({ length: count }, () => new rl.CartPole()));

seed(1);
const agents: Readonly<Record<string, rl.NetworkAgent>> = {
  dqn: new rl.Dqn(environments(1), { learningStarts: 2000, exploration: { start: 0.3, end: 0.3 } }),
  ppo: new rl.Ppo(environments(4)),
};
console.log(JSON.stringify({ Node: process.versions.node }));
for await (const line of createInterface({ input: process.stdin })) {
  const [method = "", steps = ""] = line.split(" ");
  const before = process.cpuUsage();
  await agents[method]?.train(Number(steps));
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / Number(steps));
}
