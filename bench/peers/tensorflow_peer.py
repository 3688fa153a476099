"""TensorFlow: a training step is one tf.function."""

import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from protocol import THREADS, serve  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)


def classify(logits, targets):
    """The cross entropy of targets that may be -1, which count for nothing; without targets the logits."""
    if targets is None:
        return logits
    counted = tf.cast(targets >= 0, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(targets, 0), logits)
    return tf.reduce_sum(losses * counted) / tf.reduce_sum(counted)


def linear(x, weight, bias=None):
    """x Wᵀ + b over the last axis, as one product of matrices."""
    rows = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), weight, transpose_b=True)
    rows = rows if bias is None else tf.nn.bias_add(rows, bias)
    return tf.reshape(rows, [*x.shape[:-1], weight.shape[0]])


def recurrence(s, w, inputs, targets):
    activate = {"sigmoid": tf.sigmoid, "tanh": tf.tanh}[s["activation"]]
    state, states = tf.zeros([1, w["hidden"].shape[0]]), []
    for x in tf.unstack(inputs):
        state = activate(linear(x, w["input"]) + linear(state, w["hidden"]))
        states.append(state)
    predicted = tf.sigmoid(linear(tf.stack(states), w["output"])) if s["everyStep"] else linear(state, w["output"])
    return 0.5 * tf.reduce_sum((predicted - targets) ** 2)


def mlp(s, w, images, targets=None):
    x = images
    for i in range(s["layers"]):
        x = linear(x, w[f"{i}.weight"], w[f"{i}.bias"])
        x = tf.nn.relu(x) if i < s["layers"] - 1 else x
    return classify(x, targets)


def lstm_step(w_hidden, bias, state, projected):
    h, c = state
    i, f, g, o = tf.split(projected + tf.matmul(h, w_hidden, transpose_b=True), 4, -1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def gru_step(w_hidden, bias, state, projected):
    (h,) = state
    r, z, n = tf.split(linear(h, w_hidden, bias), 3, -1)
    ri, zi, ni = tf.split(projected, 3, -1)
    r, z = tf.sigmoid(ri + r), tf.sigmoid(zi + z)
    n = tf.tanh(ni + r * n)
    return ((1 - z) * n + z * h,)


def direction(s, w, prefix, x, lengths, reverse):
    """One cell over all steps, written out: [time, batch, size] to [time, batch, hidden]."""
    lstm = s["cell"] == "lstm"
    step = lstm_step if lstm else gru_step
    bias = w[f"{prefix}biasHidden"]
    projected = tf.unstack(linear(x, w[f"{prefix}input"], w[f"{prefix}biasInput"] + (bias if lstm else 0)))
    state = (tf.zeros([x.shape[1], s["hidden"]]),) * (2 if lstm else 1)
    outputs = [None] * len(projected)
    for t in reversed(range(len(projected))) if reverse else range(len(projected)):
        after = step(w[f"{prefix}hidden"], bias, state, projected[t])
        if lengths is not None:
            # Past a sequence's end its state stays.
            after = tuple(tf.where((t < lengths)[:, None], new, old) for new, old in zip(after, state))
        state = after
        outputs[t] = state[0]
    return tf.stack(outputs)


def language(s, w, ids, targets=None, lengths=None):
    x = tf.gather(w["embedding"], ids)
    for layer in range(s["layers"]):
        outputs = [direction(s, w, f"{layer}.", x, lengths, False)]
        if s["bidirectional"]:
            outputs.append(direction(s, w, f"{layer}.reverse.", x, lengths, True))
        x = tf.concat(outputs, -1)
    return s["lossScale"] * classify(linear(x, w["output"], w["bias"]), targets)


def layer_norm(x, scale, shift):
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, shift, scale, 1e-5)


def transformer(s, w, ids, targets):
    x = tf.gather(w["embedding"], ids) + w["position"]
    batch, tokens, width = x.shape
    for i in range(s["layers"]):
        part = lambda x, name: linear(x, w[f"{i}.{name}"], w[f"{i}.{name}Bias"])
        parts = tf.transpose(tf.reshape(part(x, "projection"), [batch, tokens, 3, s["heads"], -1]), [2, 0, 3, 1, 4])
        q, k, v = tf.unstack(parts)
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * (s["heads"] / width) ** 0.5)
        mixed = tf.reshape(tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3]), [batch, tokens, width])
        x = layer_norm(x + part(mixed, "attended"), w[f"{i}.scale1"], w[f"{i}.shift1"])
        x = layer_norm(x + part(tf.nn.relu(part(x, "widen")), "narrow"), w[f"{i}.scale2"], w[f"{i}.shift2"])
    return classify(linear(x, w["output"], w["bias"]), targets)


def bag(s, w, ids, targets):
    return classify(linear(tf.reduce_mean(tf.gather(w["embedding"], ids), 1), w["output"], w["bias"]), targets)


def product(s, w, x):
    return tf.matmul(x, w["weight"])


def network(s, w, images, targets=None):
    """A network of convolutions, by the operations that the case lists. In TensorFlow channels come last."""
    channels_last = lambda x: tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    channels_first = lambda x: tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])
    values = [channels_last(images)]
    for o in json.loads(s["operations"]):
        op, x, *others = o["op"], *(values[i] for i in o["inputs"])
        weights = [w[name] for name in o.get("weights", [])]
        lines = len(x.shape) == 3
        around = o.get("padding", [0, 0])
        padding = [[0, 0], around, around, [0, 0]]
        if op == "conv" and lines:
            x = tf.nn.conv1d(tf.pad(x, padding[:2] + padding[3:]), weights[0], o["stride"], "VALID", dilations=o["dilation"])
        elif op == "conv" and o["groups"] > 1:
            kernel = tf.reshape(weights[0], [*weights[0].shape[:2], o["groups"], 1])
            x = tf.nn.depthwise_conv2d(x, kernel, [1, o["stride"], o["stride"], 1], padding)
        elif op == "conv":
            x = tf.nn.conv2d(x, weights[0], o["stride"], padding, dilations=o["dilation"])
        elif op == "convTranspose":
            stride = o["stride"]
            shape = [x.shape[0], x.shape[1] * stride, x.shape[2] * stride, weights[0].shape[2]]
            x = tf.nn.conv2d_transpose(x, weights[0], shape, stride, "VALID")
        elif op == "norm":
            scale, shift, *statistics = weights
            x = tf.compat.v1.nn.fused_batch_norm(x, scale, shift, *statistics, epsilon=1e-5, is_training=not statistics)[0]
        elif op == "maxPool":
            x = tf.nn.max_pool2d(x, o["kernel"], o["stride"], padding)
        elif op == "averagePool":
            x = tf.nn.avg_pool2d(x, o["kernel"], o["stride"], "VALID")
        elif op == "mean":
            x = tf.reduce_mean(x, list(range(1, len(x.shape) - 1)))
        elif op == "flatten":
            x = tf.reshape(channels_first(x), [x.shape[0], -1])
        elif op == "linear":
            x = linear(x, *weights)
        elif op == "concat":
            x = tf.concat([x, *others], -1)
        else:
            functions = {"add": tf.add, "multiply": tf.multiply, "relu": tf.nn.relu, "tanh": tf.tanh, "sigmoid": tf.sigmoid}
            x = functions[op](x, *others)
        if op == "conv" and len(weights) > 1:
            x = tf.nn.bias_add(x, weights[1])
        values.append(x)
    if s["regression"]:
        return tf.reduce_mean((channels_first(values[-1]) - targets) ** 2)
    return classify(values[-1], targets)


MODELS = {"network": network, "recurrence": recurrence, "mlp": mlp, "language": language, "transformer": transformer, "bag": bag, "product": product}


def own_layout(array, back=False):
    """Kernels `[outputs, inputs, ...places]` as TensorFlow has them, `[...places, inputs, outputs]`."""
    order = {4: (3, 2, 0, 1) if back else (2, 3, 1, 0), 3: (2, 1, 0)}
    return np.transpose(array, order.get(array.ndim)) if array.ndim in order else array


class Ready:
    def __init__(self, problem):
        model, settings, update = MODELS[problem.model], problem.settings, problem.update
        self.values = {name: tf.Variable(own_layout(array)) for name, array in problem.weights.items()}
        variables = list(self.values.values())
        self.batches = [{name: tf.constant(array) for name, array in batch.items()} for batch in problem.batches]
        self.done = 0
        self.training = update is not None

        @tf.function
        def infer(batch):
            return model(settings, self.values, **batch)

        if not update:
            self.step = infer
            return
        # Gradients of tf.gather are IndexedSlices, of which the optimizer's update touches the rows in them alone.
        rate = update["learningRate"]
        if update["type"] == "adam":
            moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]
            powers = [tf.Variable(1.0), tf.Variable(1.0)]

        @tf.function
        def step(batch):
            with tf.GradientTape() as tape:
                loss = model(settings, self.values, **batch)
            gradients = tape.gradient(loss, variables)
            if "clipNorm" in update:
                gradients, _ = tf.clip_by_global_norm(gradients, update["clipNorm"])
            if update["type"] == "sgd":
                for variable, gradient in zip(variables, gradients):
                    if isinstance(gradient, tf.IndexedSlices):
                        variable.scatter_sub(tf.IndexedSlices(rate * gradient.values, gradient.indices))
                    else:
                        variable.assign_sub(rate * gradient)
                return loss
            powers[0].assign(powers[0] * 0.9)
            powers[1].assign(powers[1] * 0.999)
            for variable, gradient, (m, v) in zip(variables, gradients, moments):
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.handle,
                    m=m.handle,
                    v=v.handle,
                    beta1_power=powers[0],
                    beta2_power=powers[1],
                    lr=rate,
                    beta1=0.9,
                    beta2=0.999,
                    # TensorFlow adds it to the root of the second moment before that is corrected.
                    epsilon=1e-8 * tf.sqrt(1 - powers[1]),
                    grad=tf.convert_to_tensor(gradient),
                )
            return loss

        self.step = step

    def run(self, steps):
        for _ in range(steps):
            value = self.step(self.batches[self.done % len(self.batches)])
            self.done += 1
        return float(value) if self.training else value.numpy()

    def weights(self):
        return [own_layout(value.numpy(), back=True) for value in self.values.values()]


serve(Ready, {"TensorFlow": tf.__version__})
