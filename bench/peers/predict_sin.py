"""The report's sine prediction in NumPy, one sample and one time step at a time: prints the seconds that all updates took,
and the mean loss of the test windows.

It descends the gradient of the loss, as Kasane does; the report's own loop adds the output's error at every step, and starts from the
delta that the sample before ended with, in about as many operations.

usage: python predict_sin.py [ITERS [MAXLEN]]
"""

import sys
import time

import numpy as np


def tanh_slope(x):
    return 1 / np.cosh(x) ** 2


def main(iters=500, maxlen=2, points=500, hidden=5, rate=0.1):
    generator = np.random.RandomState(0)
    curve = np.sin(np.linspace(0, 10 * np.pi, points))
    count = points - maxlen
    inputs = np.array([curve[i : i + maxlen] for i in range(count)]).reshape(count, maxlen, 1)
    targets = curve[maxlen:].reshape(count, 1)
    order = generator.permutation(count)
    split = int(count * 0.8)
    train, test = order[:split], order[split:]
    w_in = 0.01 * generator.randn(1, hidden)
    w_out = 0.01 * generator.randn(hidden, 1)
    w = 0.01 * generator.randn(hidden, hidden)
    for_in, for_out, for_w = np.zeros_like(w_in), np.zeros_like(w_out), np.zeros_like(w)
    before, states = [], []

    start = time.perf_counter()
    for _ in range(iters):
        for i in train:
            before.clear()
            states.clear()
            state = np.zeros(hidden)
            states.append(state)
            target, window = targets[i], inputs[i]
            for t in range(maxlen):
                u = np.dot(window[t], w_in) + np.dot(state, w)
                before.append(u)
                state = np.tanh(u)
                states.append(state)
            y = np.dot(state, w_out)
            loss = np.mean((target - y) ** 2) / 2
            delta_out = y - target
            for_out += np.dot(state.reshape(-1, 1), delta_out.reshape(1, -1))
            back = np.dot(delta_out, w_out.T)
            for t in reversed(range(maxlen)):
                delta = back * tanh_slope(before[t])
                for_w += np.dot(states[t].reshape(-1, 1), delta.reshape(1, -1))
                for_in += np.dot(window[t].reshape(-1, 1), delta.reshape(1, -1))
                back = np.dot(delta, w.T)
            w -= rate * for_w
            w_in -= rate * for_in
            w_out -= rate * for_out
            for_w *= 0
            for_in *= 0
            for_out *= 0
    seconds = time.perf_counter() - start

    losses = []
    for i in test:
        state = np.zeros(hidden)
        for t in range(maxlen):
            state = np.tanh(np.dot(inputs[i][t], w_in) + np.dot(state, w))
        losses.append(np.mean((targets[i] - np.dot(state, w_out)) ** 2) / 2)
    print(seconds, np.mean(losses))


main(*map(int, sys.argv[1:]))
