"""What all Python peers share: the problem as the driver writes it, and the answers to its commands (see protocol.ts)."""

import gc
import json
import os
import platform
import resource
import sys
import time
import traceback

import numpy as np

THREADS = int(os.environ["BENCH_THREADS"])


class Cannot(Exception):
    """Says that a peer cannot do a case, and why."""


class Problem:
    """A case with its arrays: `weights` by name, `batch` by name with the batches along the first axis, `batches` one by one."""

    def __init__(self, folder):
        with open(os.path.join(folder, "case.json")) as file:
            case = json.load(file)
        self.name, self.model, self.settings = case["name"], case["model"], case["settings"]
        self.update, self.together = case.get("update"), case["together"]
        data = np.fromfile(os.path.join(folder, "data.bin"), np.uint8)
        offset = 0

        def arrays(entries):
            nonlocal offset
            result = {}
            for entry in entries:
                size = 4 * int(np.prod(entry["shape"]))
                result[entry["name"]] = data[offset : offset + size].view(entry["dtype"]).reshape(entry["shape"])
                offset += size
            return result

        self.weights = arrays(case["weights"])
        self.batch = arrays(case["batch"])
        self.batches = [{name: array[i] for name, array in self.batch.items()} for i in range(self.together)]


def write_outcome(path, ready, value):
    """Writes the updated weights, or what the model gave; the loss, or 0."""
    is_loss = np.ndim(value) == 0
    with open(path, "wb") as file:
        for array in ready.weights() if is_loss else [value]:
            file.write(np.ascontiguousarray(array, np.float32).tobytes())
    return float(value) if is_loss else 0


def serve(prepare, versions):
    """
    `prepare(problem)` gives an object with `run(steps)`, which returns the loss or the outputs, and `weights()`; in the peers that are asked for it
    also `exact()`, which gives another one that does the same in double precision.
    """
    answers = os.fdopen(3, "w")

    def answer(value):
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    ready = None
    answer({"versions": {**versions, "Python": platform.python_version()}})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] == "prepare":
                ready = None
                gc.collect()
                problem = Problem(command["folder"])
                start = time.perf_counter()
                ready = prepare(problem)
                value = ready.run(problem.together)
                seconds = time.perf_counter() - start
                answer({"milliseconds": seconds * 1e3, "loss": write_outcome(command["result"], ready, value)})
            elif command["do"] == "exact":
                exact = ready.exact()
                answer({"loss": write_outcome(command["result"], exact, exact.run(problem.together))})
            elif command["do"] == "run":
                start = time.perf_counter()
                ready.run(command["steps"])
                answer({"milliseconds": (time.perf_counter() - start) * 1e3})
            elif command["do"] == "memory":
                unit = 1 if sys.platform == "darwin" else 1024
                answer({"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit})
        except Cannot as reason:
            answer({"cannot": str(reason)})
        except Exception:
            answer({"error": traceback.format_exc()})
