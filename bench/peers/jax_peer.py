"""JAX with jit on the CPU; with --scan a whole round of batches is one call, by lax.scan."""

import json
import sys
from functools import partial

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import lax

from protocol import serve

jax.config.update("jax_platforms", "cpu")
SCAN = "--scan" in sys.argv


def classify(logits, targets):
    """The cross entropy of targets that may be -1, which count for nothing; without targets the logits."""
    if targets is None:
        return logits
    counted = targets >= 0
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.maximum(targets, 0)[..., None], -1)[..., 0]
    return -jnp.sum(picked * counted) / jnp.sum(counted)


def recurrence(s, w, inputs, targets):
    activate = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh}[s["activation"]]
    state, states = jnp.zeros((1, len(w["hidden"]))), []
    for x in inputs:
        state = activate(x @ w["input"].T + state @ w["hidden"].T)
        states.append(state)
    predicted = jax.nn.sigmoid(jnp.stack(states) @ w["output"].T) if s["everyStep"] else state @ w["output"].T
    return 0.5 * jnp.sum((predicted - targets) ** 2)


def mlp(s, w, images, targets=None):
    x = images
    for i in range(s["layers"]):
        x = x @ w[f"{i}.weight"].T + w[f"{i}.bias"]
        x = jax.nn.relu(x) if i < s["layers"] - 1 else x
    return classify(x, targets)


def lstm_step(w_hidden, bias, state, projected):
    h, c = state
    i, f, g, o = jnp.split(projected + h @ w_hidden.T, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_step(w_hidden, bias, state, projected):
    (h,) = state
    r, z, n = jnp.split(h @ w_hidden.T + bias, 3, -1)
    ri, zi, ni = jnp.split(projected, 3, -1)
    r, z = jax.nn.sigmoid(ri + r), jax.nn.sigmoid(zi + z)
    n = jnp.tanh(ni + r * n)
    return ((1 - z) * n + z * h,)


def direction(s, w, prefix, x, lengths, reverse):
    """One cell over all steps: [time, batch, size] to [time, batch, hidden]."""
    lstm = s["cell"] == "lstm"
    step = lstm_step if lstm else gru_step
    bias = w[f"{prefix}biasHidden"]
    projected = x @ w[f"{prefix}input"].T + w[f"{prefix}biasInput"] + (bias if lstm else 0)
    start = (jnp.zeros((x.shape[1], s["hidden"])),) * (2 if lstm else 1)

    def body(state, inputs):
        t, x = inputs
        after = step(w[f"{prefix}hidden"], bias, state, x)
        if lengths is not None:
            # Past a sequence's end its state stays.
            after = tuple(jnp.where((t < lengths)[:, None], new, old) for new, old in zip(after, state))
        return after, after[0]

    return lax.scan(body, start, (jnp.arange(len(x)), projected), reverse=reverse)[1]


def language(s, w, ids, targets=None, lengths=None):
    x = w["embedding"][ids]
    for layer in range(s["layers"]):
        outputs = [direction(s, w, f"{layer}.", x, lengths, False)]
        if s["bidirectional"]:
            outputs.append(direction(s, w, f"{layer}.reverse.", x, lengths, True))
        x = jnp.concatenate(outputs, -1)
    return s["lossScale"] * classify(x @ w["output"].T + w["bias"], targets)


def layer_norm(x, scale, shift):
    centred = x - jnp.mean(x, -1, keepdims=True)
    return centred * lax.rsqrt(jnp.mean(centred**2, -1, keepdims=True) + 1e-5) * scale + shift


def transformer(s, w, ids, targets):
    x = w["embedding"][ids] + w["position"]
    batch, tokens, width = x.shape
    for i in range(s["layers"]):
        linear = lambda x, name: x @ w[f"{i}.{name}"].T + w[f"{i}.{name}Bias"]
        q, k, v = jnp.moveaxis(linear(x, "projection").reshape(batch, tokens, 3, s["heads"], -1), 2, 0)
        weights = jax.nn.softmax(jnp.einsum("bthd,bshd->bhts", q, k) * (s["heads"] / width) ** 0.5)
        mixed = jnp.einsum("bhts,bshd->bthd", weights, v).reshape(batch, tokens, width)
        x = layer_norm(x + linear(mixed, "attended"), w[f"{i}.scale1"], w[f"{i}.shift1"])
        x = layer_norm(x + linear(jax.nn.relu(linear(x, "widen")), "narrow"), w[f"{i}.scale2"], w[f"{i}.shift2"])
    return classify(x @ w["output"].T + w["bias"], targets)


def bag(s, w, ids, targets):
    return classify(jnp.mean(w["embedding"][ids], 1) @ w["output"].T + w["bias"], targets)


def product(s, w, x):
    return x @ w["weight"]


def network(s, w, images, targets=None):
    """A network of convolutions, by the operations that the case lists."""
    values = [images]
    for o in json.loads(s["operations"]):
        op, x, *others = o["op"], *(values[i] for i in o["inputs"])
        weights = [w[name] for name in o.get("weights", [])]
        axes = tuple(range(2, x.ndim))
        per_channel = lambda numbers: numbers.reshape(-1, *(1 for _ in axes))
        window = lambda size: (1, 1, *(size for _ in axes))
        padding = [tuple(o.get("padding", (0, 0)))] * len(axes)
        if op == "conv":
            x = lax.conv_general_dilated(
                x,
                weights[0],
                [o["stride"]] * len(axes),
                padding,
                rhs_dilation=[o["dilation"]] * len(axes),
                feature_group_count=o["groups"],
            )
            x = x + per_channel(weights[1]) if len(weights) > 1 else x
        elif op == "convTranspose":
            kernel = jnp.flip(jnp.swapaxes(weights[0], 0, 1), axes)
            stride = [o["stride"]] * len(axes)
            x = lax.conv_general_dilated(x, kernel, [1] * len(axes), [(size - 1, size - 1) for size in stride], lhs_dilation=stride)
        elif op == "norm":
            if len(weights) == 4:
                average, variance = (per_channel(numbers) for numbers in weights[2:])
            else:
                average = jnp.mean(x, (0, *axes), keepdims=True)
                variance = jnp.mean((x - average) ** 2, (0, *axes), keepdims=True)
            x = (x - average) * lax.rsqrt(variance + 1e-5) * per_channel(weights[0]) + per_channel(weights[1])
        elif op == "maxPool":
            around = [(0, 0), (0, 0), *padding]
            x = lax.reduce_window(x, -jnp.inf, lax.max, window(o["kernel"]), window(o["stride"]), around)
        elif op == "averagePool":
            x = lax.reduce_window(x, 0.0, lax.add, window(o["kernel"]), window(o["stride"]), "VALID") / o["kernel"] ** len(axes)
        elif op == "mean":
            x = jnp.mean(x, axes)
        elif op == "flatten":
            x = x.reshape(len(x), -1)
        elif op == "linear":
            x = x @ weights[0].T + weights[1]
        elif op == "concat":
            x = jnp.concatenate([x, *others], 1)
        else:
            functions = {"add": jnp.add, "multiply": jnp.multiply, "relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
            x = functions[op](x, *others)
        values.append(x)
    return jnp.mean((values[-1] - targets) ** 2) if s["regression"] else classify(values[-1], targets)


MODELS = {"network": network, "recurrence": recurrence, "mlp": mlp, "language": language, "transformer": transformer, "bag": bag, "product": product}


def adam(weights, gradients, state, learningRate):
    m, v, count = state
    count += 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    first, second = 1 - 0.9**count, 1 - 0.999**count
    new = jax.tree.map(lambda w, m, v: w - learningRate * (m / first) / (jnp.sqrt(v / second) + 1e-8), weights, m, v)
    return new, (m, v, count)


def sgd(weights, gradients, state, learningRate, clipNorm=None):
    if clipNorm is not None:
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradients.values()))
        learningRate = learningRate * clipNorm / jnp.maximum(norm, clipNorm)
    return jax.tree.map(lambda w, g: w - learningRate * g, weights, gradients), state


class Ready:
    def __init__(self, problem):
        jax.clear_caches()
        model = partial(MODELS[problem.model], problem.settings)
        # Copied: the step reuses the memory of what it is given.
        self.values = jax.tree.map(lambda array: jnp.array(array, copy=True), problem.weights)
        self.training = problem.update is not None
        self.names = list(problem.weights)
        self.together = problem.together if SCAN else 1
        self.batches = [jax.tree.map(jnp.asarray, batch) for batch in ([problem.batch] if SCAN else problem.batches)]
        self.done = 0
        if not self.training:
            self.infer = jax.jit(lambda weights, batch: model(weights, **batch))
            return
        settings = dict(problem.update)
        uses_adam = settings.pop("type") == "adam"
        rule = partial(adam if uses_adam else sgd, **settings)
        zeros = lambda: jax.tree.map(jnp.zeros_like, self.values)
        self.state = (zeros(), zeros(), jnp.float32(0)) if uses_adam else ()

        def step(carry, batch):
            weights, state = carry
            loss, gradients = jax.value_and_grad(lambda w: model(w, **batch))(weights)
            return rule(weights, gradients, state), loss

        self.step = jax.jit(partial(lax.scan, step) if SCAN else step, donate_argnums=0)

    def run(self, steps):
        for _ in range(0, steps, self.together):
            batch = self.batches[self.done % len(self.batches)]
            self.done += 1
            if self.training:
                (self.values, self.state), result = self.step((self.values, self.state), batch)
            else:
                result = self.infer(self.values, batch)
        if self.training:
            jax.block_until_ready(self.values)
            return float(result[-1] if SCAN else result)
        return np.asarray(result)

    def weights(self):
        return [np.asarray(self.values[name]) for name in self.names]


serve(Ready, {"JAX": jax.__version__, "jaxlib": jaxlib.__version__})
