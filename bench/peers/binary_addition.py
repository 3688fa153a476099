"""The report's binary addition in NumPy, one sample and one time step at a time: prints the microseconds an iteration took.

usage: python binary_addition.py ITERATIONS
"""

import sys
import time

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_slope(x):
    y = sigmoid(x)
    return (1 - y) * y


def main(iterations, bits=8, hidden=16, rate=0.1):
    generator = np.random.RandomState(0)
    table = np.unpackbits(np.arange(2**bits, dtype=np.uint8).reshape(-1, 1), axis=1)
    w_in = generator.randn(2, hidden)
    w_out = generator.randn(hidden, 1)
    w = generator.randn(hidden, hidden)
    for_in, for_out, for_w = np.zeros_like(w_in), np.zeros_like(w_out), np.zeros_like(w)
    u = np.zeros((hidden, bits + 1))
    z = np.zeros((hidden, bits + 1))
    y = np.zeros((1, bits))
    delta_out = np.zeros((1, bits))
    delta = np.zeros((hidden, bits + 1))
    start = time.perf_counter()
    for _ in range(iterations):
        a, b = generator.randint(2 ** (bits - 1), size=2)
        a_bits, b_bits, d_bits = table[a], table[b], table[a + b]
        predicted = np.zeros_like(d_bits)
        total = 0.0
        for t in range(bits):
            x = np.array([a_bits[-t - 1], b_bits[-t - 1]]).reshape(1, -1)
            target = np.array([d_bits[bits - t - 1]])
            u[:, t + 1] = np.dot(x, w_in) + np.dot(z[:, t].reshape(1, -1), w)
            z[:, t + 1] = sigmoid(u[:, t + 1])
            before = np.dot(z[:, t + 1].reshape(1, -1), w_out)
            y[:, t] = sigmoid(before)
            total += np.mean((target - y[:, t]) ** 2) / 2
            delta_out[:, t] = (y[:, t] - target) * sigmoid_slope(before)
            predicted[bits - t - 1] = np.round(y[:, t]).item()
        for t in reversed(range(bits)):
            x = np.array([a_bits[-t - 1], b_bits[-t - 1]]).reshape(1, -1)
            back = np.dot(delta[:, t + 1].T, w.T) + np.dot(delta_out[:, t].T, w_out.T)
            delta[:, t] = back * sigmoid_slope(u[:, t + 1])
            for_out += np.dot(z[:, t + 1].reshape(-1, 1), delta_out[:, t].reshape(-1, 1))
            for_w += np.dot(z[:, t].reshape(-1, 1), delta[:, t].reshape(1, -1))
            for_in += np.dot(x.T, delta[:, t].reshape(1, -1))
        w_in -= rate * for_in
        w_out -= rate * for_out
        w -= rate * for_w
        for gradient in (for_in, for_out, for_w):
            gradient *= 0
    print((time.perf_counter() - start) / iterations * 1e6)


main(int(sys.argv[1]))
