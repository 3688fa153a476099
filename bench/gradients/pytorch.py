"""Compares the gradients that kasane.ts beside this file wrote with PyTorch's, of the same files through onnx2torch."""

import base64
import json
import pathlib
import sys
import warnings

import numpy
import onnx
import onnx.version_converter
import torch
from onnx2torch import convert

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
models, out = map(pathlib.Path, sys.argv[1:])
dtypes = {"bool": numpy.bool_, "float32": numpy.float32}


def array(written):
    numbers = numpy.frombuffer(base64.b64decode(written["base64"]), dtypes.get(written["dtype"], written["dtype"]))
    return numbers.reshape(written["shape"]).copy()


def weights_of(model):
    """What onnx2torch keeps as buffers are weights too, but for the statistics of batches."""
    all_of_them = [*model.named_parameters(), *model.named_buffers()]
    found = {name: value for name, value in all_of_them if value.is_floating_point() and ".running_" not in name}
    for value in found.values():
        value.requires_grad_(True)
    return found


def alike(value, theirs):
    """The gradients by the weights of PyTorch's that hold the same numbers, perhaps transposed, by their names."""
    for name, other in theirs.items():
        if other.numel() != value.size or other.grad is None:
            continue
        numbers, gradient = other.detach().numpy(), other.grad.numpy()
        if numpy.array_equal(numbers.ravel(), value.ravel()):
            yield name, gradient.ravel()
        elif numbers.ndim == 2 and numpy.array_equal(numbers.T.ravel(), value.ravel()):
            yield name, gradient.T.ravel()


def reflecting_last(model):
    """The model with reflected paddings of the middle of three axes, which PyTorch lacks, at the last axis."""
    graph = model.graph
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    for place, node in reversed(list(enumerate(graph.node))):
        pads = constants.get(node.input[1]) if node.op_type == "Pad" and any(each.s == b"reflect" for each in node.attribute) else None
        if pads is None or pads.tolist() != [0, pads[1], 0, 0, pads[4], 0]:
            continue
        moved = onnx.numpy_helper.from_array(pads[[0, 2, 1, 3, 5, 4]], f"{node.name}/pads")
        graph.initializer.append(moved)
        turned = [f"{node.output[0]}/turned", f"{node.output[0]}/padded"]
        back = onnx.helper.make_node("Transpose", turned[1:], node.output[:1], perm=[0, 2, 1])
        graph.node.insert(place, onnx.helper.make_node("Transpose", node.input[:1], turned[:1], perm=[0, 2, 1]))
        graph.node.insert(place + 2, back)
        node.input[0], node.input[1], node.output[0] = turned[0], moved.name, turned[1]
    return model


def converted(file):
    """The file as a module of PyTorch; older operators are first brought to version 13 of the standard."""
    model = reflecting_last(onnx.load(file))
    try:
        return convert(model)
    except NotImplementedError:
        return convert(onnx.version_converter.convert_version(model, 13))


def compare(name):
    ours = json.loads((out / f"{name}.json").read_text())
    model = converted(models / f"{name}.onnx")
    model.eval()
    theirs = weights_of(model)
    results = model(*[torch.from_numpy(array(written)) for written in ours["inputs"].values()])
    results = [value for value in (results if isinstance(results, (tuple, list)) else [results]) if value.is_floating_point()]
    scalar = sum((value * torch.from_numpy(array(factor)).reshape(value.shape)).sum() for value, factor in zip(results, ours["factors"], strict=True))
    scalar.backward()
    largest = max(float(numpy.linalg.norm(array(weight["gradient"]))) for weight in ours["weights"])
    worst, compared, missing = 0.0, 0, []
    for weight in ours["weights"]:
        ours_now = array(weight["gradient"]).ravel()
        candidates = dict(alike(array(weight["value"]), theirs))
        if not candidates:
            missing.append(weight["name"])
            continue
        # onnx2torch copies a weight that several nodes use.
        candidates["their sum"] = sum(candidates.values())
        errors = {
            other: float(numpy.linalg.norm(ours_now - expected) / max(numpy.linalg.norm(expected), 1e-3 * largest))
            for other, expected in candidates.items()
        }
        # Of several that hold the same numbers, as biases of 0, each is taken once.
        nearest = min(errors, key=errors.get)
        theirs.pop(nearest, None)
        compared += 1
        worst = max(worst, errors[nearest])
    error = abs(scalar.item() - ours["scalar"]) / max(1.0, abs(scalar.item()))
    note = f", not found there: {', '.join(missing)}" if missing else ""
    print(f"{name}: scalar {error:.1e}, {compared} of {len(ours['weights'])} gradients, the worst {worst:.1e}{note}", flush=True)


for file in sorted(out.glob("*.json")):
    try:
        compare(file.stem)
    except Exception as error:  # noqa: BLE001
        print(f"{file.stem}: {str(error).splitlines()[0][:150]}", flush=True)
