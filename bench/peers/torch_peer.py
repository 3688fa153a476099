"""PyTorch as its users write it: its own layers and optimizers, eager; with --compile the model goes through torch.compile."""

import json
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from protocol import THREADS, serve

torch.set_num_threads(THREADS)
torch.set_num_interop_threads(1)
COMPILED = "--compile" in sys.argv
CHANNELS_LAST = "--channels-last" in sys.argv


def classify(logits, targets):
    """The cross entropy of targets that may be -1, which count for nothing; without targets the logits."""
    if targets is None:
        return logits
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=-1)


class Recurrence(nn.Module):
    """nn.RNN has no sigmoid, so binary addition is a loop over its steps."""

    def __init__(self, problem):
        super().__init__()
        shape = problem.weights["input"].shape
        self.everyStep = problem.settings["everyStep"]
        if self.everyStep:
            self.input = nn.Linear(shape[1], shape[0], bias=False)
            self.hidden = nn.Linear(shape[0], shape[0], bias=False)
        else:
            self.recurrent = nn.RNN(shape[1], shape[0], bias=False)
        self.output = nn.Linear(shape[0], 1, bias=False)

    def forward(self, inputs, targets):
        if self.everyStep:
            state, states = 0, []
            for t, x in enumerate(self.input(inputs)):
                state = torch.sigmoid(x + self.hidden(state) if t > 0 else x)
                states.append(state)
            predicted = torch.sigmoid(self.output(torch.stack(states)))
        else:
            predicted = self.output(self.recurrent(inputs)[1][0])
        return 0.5 * F.mse_loss(predicted, targets, reduction="sum")


class Mlp(nn.Module):
    def __init__(self, problem):
        super().__init__()
        shapes = [problem.weights[f"{i}.weight"].shape for i in range(problem.settings["layers"])]
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for outputs, inputs in shapes)

    def forward(self, images, targets=None):
        *hidden, last = self.layers
        for layer in hidden:
            images = F.relu(layer(images))
        return classify(last(images), targets)


class Language(nn.Module):
    def __init__(self, problem):
        super().__init__()
        s = problem.settings
        self.scale = s["lossScale"]
        self.embedding = nn.Embedding(s["vocabulary"], s["hidden"])
        recurrent = {"lstm": nn.LSTM, "gru": nn.GRU}[s["cell"]]
        self.recurrent = recurrent(s["hidden"], s["hidden"], num_layers=s["layers"], bidirectional=s["bidirectional"])
        self.output = nn.Linear(s["hidden"] * (2 if s["bidirectional"] else 1), s["classes"])

    def forward(self, ids, targets=None, lengths=None):
        x = self.embedding(ids)
        if lengths is None:
            outputs, _ = self.recurrent(x)
        else:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            outputs, _ = nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0], total_length=len(ids))
        return self.scale * classify(self.output(outputs), targets)


class Transformer(nn.Module):
    def __init__(self, problem):
        super().__init__()
        s = problem.settings
        vocabulary, width = problem.weights["embedding"].shape
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.empty(problem.weights["position"].shape))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, s["heads"], s["inner"], dropout=0, batch_first=True) for _ in range(s["layers"])
        )
        self.output = nn.Linear(width, vocabulary)

    def forward(self, ids, targets):
        x = self.embedding(ids) + self.position
        for layer in self.layers:
            x = layer(x)
        return classify(self.output(x), targets)

    def parameters(self, recurse=True):
        # PyTorch gives a module's own parameters before those of its parts.
        position, embedding, *others = super().parameters(recurse)
        return iter([embedding, position, *others])


class Bag(nn.Module):
    """With sparse gradients: gradient descent then touches the rows of the batch alone."""

    def __init__(self, problem):
        super().__init__()
        self.embedding = nn.EmbeddingBag(*problem.weights["embedding"].shape, mode="mean", sparse=True)
        self.output = nn.Linear(*reversed(problem.weights["output"].shape))

    def forward(self, ids, targets):
        return classify(self.output(self.embedding(ids)), targets)


class Product(nn.Module):
    def __init__(self, problem):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(problem.weights["weight"].shape))

    def forward(self, x):
        return x @ self.weight


class Network(nn.Module):
    """A network of convolutions, by the operations that the case lists."""

    def __init__(self, problem):
        super().__init__()
        self.operations = json.loads(problem.settings["operations"])
        self.regression = problem.settings["regression"]
        self.names = {name: f"w{i}" for i, name in enumerate(problem.weights)}
        for name, attribute in self.names.items():
            shape = problem.weights[name].shape
            layout = torch.channels_last if CHANNELS_LAST and len(shape) == 4 else torch.contiguous_format
            self.register_parameter(attribute, nn.Parameter(torch.empty(shape).to(memory_format=layout)))

    def apply_one(self, o, values):
        op, x, *others = o["op"], *(values[i] for i in o["inputs"])
        weights = [getattr(self, self.names[name]) for name in o.get("weights", [])]
        before, after = o.get("padding", [0, 0])
        lines = x.dim() == 3
        if op == "conv":
            if before != after:
                x, before = F.pad(x, (before, after)), 0
            bias = weights[1] if len(weights) > 1 else None
            return (F.conv1d if lines else F.conv2d)(x, weights[0], bias, o["stride"], before, o["dilation"], o["groups"])
        if op == "convTranspose":
            return F.conv_transpose2d(x, weights[0], stride=o["stride"])
        if op == "norm":
            scale, shift, *statistics = weights
            return F.batch_norm(x, *(statistics or (None, None)), scale, shift, training=not statistics)
        if op == "maxPool":
            return F.max_pool2d(x, o["kernel"], o["stride"], before)
        if op == "averagePool":
            return F.avg_pool2d(x, o["kernel"], o["stride"])
        if op == "mean":
            return x.mean((2, 3))
        if op == "flatten":
            return x.flatten(1)
        if op == "linear":
            return F.linear(x, *weights)
        if op == "concat":
            return torch.cat([x, *others], 1)
        return {"add": torch.add, "multiply": torch.mul, "relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[op](x, *others)

    def forward(self, images, targets=None):
        if CHANNELS_LAST and images.dim() == 4:
            images = images.contiguous(memory_format=torch.channels_last)
        values = [images]
        for operation in self.operations:
            values.append(self.apply_one(operation, values))
        return F.mse_loss(values[-1], targets) if self.regression else classify(values[-1], targets)


MODELS = {"network": Network, "recurrence": Recurrence, "mlp": Mlp, "language": Language, "transformer": Transformer, "bag": Bag, "product": Product}


class Ready:
    def __init__(self, problem, dtype=torch.float32):
        self.problem = problem
        model = MODELS[problem.model](problem).to(dtype)
        self.parameters = list(model.parameters())
        with torch.no_grad():
            for parameter, value in zip(self.parameters, problem.weights.values(), strict=True):
                parameter.copy_(torch.from_numpy(value.reshape(parameter.shape)))
        self.update = problem.update
        if self.update:
            rate = self.update["learningRate"]
            fused = problem.model != "bag"  # The fused update takes no sparse gradients.
            optimizer = torch.optim.Adam if self.update["type"] == "adam" else torch.optim.SGD
            self.optimizer = optimizer(self.parameters, lr=rate, fused=fused)
        self.model = torch.compile(model) if COMPILED else model
        # Class numbers are int64 in PyTorch; lengths stay on the host.
        tensor = lambda array: torch.from_numpy(array.astype(np.int64)) if array.dtype == np.int32 else torch.tensor(array, dtype=dtype)
        self.batches = [{name: tensor(array) for name, array in batch.items()} for batch in problem.batches]
        self.done = 0

    def run(self, steps):
        for _ in range(steps):
            batch = self.batches[self.done % len(self.batches)]
            self.done += 1
            value = self.train(batch) if self.update else self.infer(batch)
        return value.item() if self.update else value.numpy()

    def train(self, batch):
        self.optimizer.zero_grad()
        loss = self.model(**batch)
        loss.backward()
        if "clipNorm" in self.update:
            nn.utils.clip_grad_norm_(self.parameters, self.update["clipNorm"])
        self.optimizer.step()
        return loss.detach()

    @torch.inference_mode()
    def infer(self, batch):
        return self.model(**batch)

    def weights(self):
        return [parameter.detach().numpy() for parameter in self.parameters]

    def exact(self):
        """The same in double precision."""
        return Ready(self.problem, torch.float64)


serve(Ready, {"PyTorch": torch.__version__})
