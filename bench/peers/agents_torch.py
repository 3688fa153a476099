"""DQN and PPO on CartPole in PyTorch and Gymnasium, as CleanRL's users run them: the networks, settings and loops of its dqn.py and ppo.py."""

import json
import os
import random
import sys
import time

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions.categorical import Categorical
from torch.nn import functional as F

torch.set_num_threads(int(os.environ["BENCH_THREADS"]))


def environments(count):
    make = lambda: gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))
    return gym.vector.SyncVectorEnv([make] * count, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)


class Replay:
    """Transitions in NumPy arrays, of which a batch becomes tensors."""

    def __init__(self, capacity, size):
        self.observations = np.zeros((capacity, size), np.float32)
        self.next_observations = np.zeros((capacity, size), np.float32)
        self.actions = np.zeros((capacity, 1), np.int64)
        self.rewards = np.zeros(capacity, np.float32)
        self.terminated = np.zeros(capacity, np.float32)
        self.place, self.count, self.capacity = 0, 0, capacity

    def add(self, observation, next_observation, action, reward, terminated):
        place = self.place
        self.observations[place] = observation
        self.next_observations[place] = next_observation
        self.actions[place] = action
        self.rewards[place] = reward
        self.terminated[place] = terminated
        self.place = (place + 1) % self.capacity
        self.count = min(self.count + 1, self.capacity)

    def draw(self, size):
        places = np.random.randint(0, self.count, size=size)
        arrays = (self.observations, self.next_observations, self.actions, self.rewards, self.terminated)
        return [torch.as_tensor(array[places]) for array in arrays]


class Dqn:
    def __init__(self):
        network = lambda: nn.Sequential(nn.Linear(4, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 2))
        self.network, self.target = network(), network()
        self.target.load_state_dict(self.network.state_dict())
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=2.5e-4)
        self.replay = Replay(10_000, 4)
        self.envs = environments(1)
        self.observations, _ = self.envs.reset(seed=1)
        self.done = 0

    def run(self, steps, exploration=0.3):
        for _ in range(steps):
            if random.random() < exploration:
                actions = np.array([self.envs.single_action_space.sample()])
            else:
                with torch.no_grad():
                    actions = torch.argmax(self.network(torch.Tensor(self.observations)), dim=1).numpy()
            following, rewards, terminated, truncated, infos = self.envs.step(actions)
            last = following.copy()
            for i, ended in enumerate(np.logical_or(terminated, truncated)):
                if ended:
                    last[i] = infos["final_obs"][i]
            self.replay.add(self.observations[0], last[0], actions[0], rewards[0], terminated[0])
            self.observations = following
            self.done += 1
            if self.done <= 2000:
                continue
            if self.done % 10 == 0:
                self.update(*self.replay.draw(128))
            if self.done % 500 == 0:
                self.target.load_state_dict(self.network.state_dict())

    def update(self, observations, next_observations, actions, rewards, terminated):
        with torch.no_grad():
            best, _ = self.target(next_observations).max(dim=1)
            goal = rewards + 0.99 * best * (1 - terminated)
        value = self.network(observations).gather(1, actions).squeeze()
        loss = F.mse_loss(goal, value)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def layer(inputs, outputs, gain=np.sqrt(2)):
    made = nn.Linear(inputs, outputs)
    torch.nn.init.orthogonal_(made.weight, gain)
    torch.nn.init.constant_(made.bias, 0.0)
    return made


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(layer(4, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 1, 1.0))
        self.actor = nn.Sequential(layer(4, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 2, 0.01))

    def forward(self, observations, actions=None):
        distribution = Categorical(logits=self.actor(observations))
        if actions is None:
            actions = distribution.sample()
        return actions, distribution.log_prob(actions), distribution.entropy(), self.critic(observations)


class Ppo:
    count, steps = 4, 128

    def __init__(self):
        self.policy = Policy()
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=2.5e-4, eps=1e-5)
        self.envs = environments(self.count)
        self.observation = torch.Tensor(self.envs.reset(seed=1)[0])
        self.ended = torch.zeros(self.count)
        rows = (self.steps, self.count)
        self.observations, self.actions = torch.zeros(*rows, 4), torch.zeros(rows)
        self.logs, self.rewards, self.ends, self.values = (torch.zeros(rows) for _ in range(4))

    def run(self, steps):
        for _ in range(steps // (self.count * self.steps)):
            self.roll_out()
            self.update(*self.advantages())

    def roll_out(self):
        for step in range(self.steps):
            self.observations[step] = self.observation
            self.ends[step] = self.ended
            with torch.no_grad():
                action, log, _, value = self.policy(self.observation)
            self.values[step] = value.flatten()
            self.actions[step] = action
            self.logs[step] = log
            following, reward, terminated, truncated, _ = self.envs.step(action.numpy())
            self.rewards[step] = torch.tensor(reward).view(-1)
            self.observation = torch.Tensor(following)
            self.ended = torch.Tensor(np.logical_or(terminated, truncated))

    def advantages(self):
        with torch.no_grad():
            next_value = self.policy.critic(self.observation).reshape(1, -1)
            advantages, last = torch.zeros_like(self.rewards), 0
            for t in reversed(range(self.steps)):
                goes_on = 1.0 - (self.ended if t == self.steps - 1 else self.ends[t + 1])
                following = next_value if t == self.steps - 1 else self.values[t + 1]
                error = self.rewards[t] + 0.99 * following * goes_on - self.values[t]
                advantages[t] = last = error + 0.99 * 0.95 * goes_on * last
        return advantages, advantages + self.values

    def update(self, advantages, returns):
        observations, actions = self.observations.reshape(-1, 4), self.actions.reshape(-1)
        logs, values = self.logs.reshape(-1), self.values.reshape(-1)
        advantages, returns = advantages.reshape(-1), returns.reshape(-1)
        places = np.arange(self.count * self.steps)
        for _ in range(4):
            np.random.shuffle(places)
            for start in range(0, len(places), 128):
                rows = places[start : start + 128]
                _, log, entropy, value = self.policy(observations[rows], actions.long()[rows])
                difference = log - logs[rows]
                ratio = difference.exp()
                with torch.no_grad():
                    ((ratio - 1) - difference).mean()
                    [((ratio - 1.0).abs() > 0.2).float().mean().item()]
                worth = advantages[rows]
                worth = (worth - worth.mean()) / (worth.std() + 1e-8)
                policy_loss = torch.max(-worth * ratio, -worth * torch.clamp(ratio, 0.8, 1.2)).mean()
                value = value.view(-1)
                near = values[rows] + torch.clamp(value - values[rows], -0.2, 0.2)
                value_loss = 0.5 * torch.max((value - returns[rows]) ** 2, (near - returns[rows]) ** 2).mean()
                loss = policy_loss - 0.01 * entropy.mean() + 0.5 * value_loss
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.policy.parameters(), 0.5)
                self.optimizer.step()


random.seed(1)
np.random.seed(1)
torch.manual_seed(1)
agents = {"dqn": Dqn(), "ppo": Ppo()}
print(json.dumps({"PyTorch": torch.__version__, "Gymnasium": gym.__version__}), flush=True)
for line in sys.stdin:
    method, steps = line.split()
    before = time.process_time()
    agents[method].run(int(steps))
    print((time.process_time() - before) * 1e6 / int(steps), flush=True)
