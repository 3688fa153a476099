"""The report's own loops in NumPy: one sample and one time step at a time, in float64, the backward pass written by hand."""

import numpy as np

from protocol import Cannot, serve


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "sigmoid": (sigmoid, lambda u: (1 - sigmoid(u)) * sigmoid(u)),
    "tanh": (np.tanh, lambda u: 1 / np.cosh(u) ** 2),
}


class Recurrence:
    def __init__(self, problem):
        self.activate, self.slope = ACTIVATIONS[problem.settings["activation"]]
        self.every_step = problem.settings["everyStep"]
        self.rate = problem.update["learningRate"]
        # The report multiplies rows: its weights are [inputs, outputs].
        self.w_in, self.w, self.w_out = (problem.weights[name].T.astype(np.float64) for name in ("input", "hidden", "output"))
        batches = problem.batches
        self.samples = [([x.reshape(1, -1) for x in b["inputs"].astype(np.float64)], b["targets"].astype(np.float64)) for b in batches]
        self.done = 0

    def run(self, steps):
        for _ in range(steps):
            inputs, targets = self.samples[self.done % len(self.samples)]
            self.done += 1
            loss = self.step(inputs, targets)
        return loss

    def step(self, inputs, targets):
        count, hidden = len(inputs), len(self.w)
        u, z = np.zeros((count + 1, hidden)), np.zeros((count + 1, hidden))
        delta_out = np.zeros((count, 1))
        loss = 0.0
        for t in range(count):
            u[t + 1] = np.dot(inputs[t], self.w_in) + np.dot(z[t].reshape(1, -1), self.w)
            z[t + 1] = self.activate(u[t + 1])
            if not self.every_step and t < count - 1:
                continue
            before = np.dot(z[t + 1].reshape(1, -1), self.w_out)
            y = sigmoid(before) if self.every_step else before
            error = y - (targets[t] if self.every_step else targets)
            loss += np.mean(error**2) / 2
            delta_out[t] = error * (1 - y) * y if self.every_step else error
        for_in, for_w, for_out = np.zeros_like(self.w_in), np.zeros_like(self.w), np.zeros_like(self.w_out)
        delta = np.zeros((1, hidden))
        for t in reversed(range(count)):
            back = np.dot(delta, self.w.T) + np.dot(delta_out[t].reshape(1, -1), self.w_out.T)
            delta = back * self.slope(u[t + 1])
            for_out += np.dot(z[t + 1].reshape(-1, 1), delta_out[t].reshape(1, -1))
            for_w += np.dot(z[t].reshape(-1, 1), delta)
            for_in += np.dot(inputs[t].T, delta)
        self.w_in -= self.rate * for_in
        self.w -= self.rate * for_w
        self.w_out -= self.rate * for_out
        return loss

    def weights(self):
        return [array.T for array in (self.w_in, self.w, self.w_out)]


class Product:
    def __init__(self, problem):
        self.x, self.weight = problem.batches[0]["x"], problem.weights["weight"]

    def run(self, steps):
        for _ in range(steps):
            result = self.x @ self.weight
        return result


def prepare(problem):
    models = {"recurrence": Recurrence, "product": Product}
    if problem.model not in models:
        raise Cannot("the report has loops in NumPy for the two smallest networks alone")
    return models[problem.model](problem)


serve(prepare, {"NumPy": np.__version__})
