"""Twenty steps of fine-tuning an encoder of sentences whole, through onnx2torch; see kasane.ts beside this file."""

import json
import math
import resource
import sys

BATCH, LENGTH, WIDTH, CLASSES, STEPS = 32, 16, 384, 77, 20
LEARNING_RATE = 5e-5


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def train(file, out):
    import torch
    from onnx2torch import convert

    torch.set_num_threads(1)
    model = convert(file)
    model.train()
    # What onnx2torch keeps as buffers are weights too: all floating-point numbers of one axis or more.
    weights = [value for value in [*model.parameters(), *model.buffers()] if value.is_floating_point() and value.dim() > 0]
    for weight in weights:
        weight.requires_grad_(True)
    head = torch.nn.Linear(WIDTH, CLASSES)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([0.05 * math.sin(i) for i in range(CLASSES * WIDTH)]).reshape(CLASSES, WIDTH))
        head.bias.zero_()
    optimizer = torch.optim.Adam([*weights, *head.parameters()], lr=LEARNING_RATE)
    losses, seconds = [], []
    for t in range(STEPS):
        ids = torch.tensor([1000 + (i + 1) * (t + 1) * 7919 % 20_000 for i in range(BATCH * LENGTH)]).reshape(BATCH, LENGTH)
        mask = torch.tensor([0 if i // LENGTH % 3 == 0 and i % LENGTH >= 3 * LENGTH / 4 else 1 for i in range(BATCH * LENGTH)]).reshape(BATCH, LENGTH)
        labels = torch.tensor([(i * 5 + t) % CLASSES for i in range(BATCH)])
        before = cpu_seconds()
        hidden = model(ids, mask, torch.zeros_like(ids))
        within = mask.float().unsqueeze(2)
        logits = head((hidden * within).sum(1) / within.sum(1))
        loss = torch.nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        seconds.append(cpu_seconds() - before)
    with open(out, "w") as result:
        json.dump({"losses": losses, "seconds": min(seconds[2:])}, result)


def compare(ours, theirs):
    a, b = (json.load(open(name)) for name in (ours, theirs))
    difference = max(abs(x - y) for x, y in zip(a["losses"], b["losses"], strict=True))
    print(f"loss {a['losses'][0]:.4f} to {a['losses'][-1]:.4f}, largest difference in {len(a['losses'])} steps {difference:.1e}")
    print(f"CPU time of a step, the least: Kasane {a['seconds']:.3f} s, PyTorch {b['seconds']:.3f} s, ratio {b['seconds'] / a['seconds']:.2f}")
    if difference > 1e-4:
        sys.exit("the losses differ")


if sys.argv[1] == "--compare":
    compare(*sys.argv[2:])
else:
    train(*sys.argv[1:])
