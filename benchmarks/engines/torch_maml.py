"""MAML with higher, on tasks that were drawn elsewhere; run by ../few_shot.py."""

import json
import sys

import higher
import numpy as np
import torch
from torch import nn
from torch.nn import functional

INNER_STEPS, INNER_RATE, OUTER_RATE, TASKS_PER_STEP = 3, 0.1, 2e-3, 4


def network(ways, filters=32):
    """The student of tfcommentaries' experiment, initialised as Keras does."""
    layers, before = [], 1
    for _ in range(4):
        layers += [
            nn.Conv2d(before, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters, eps=1e-3, track_running_stats=False),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
        ]
        before = filters
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * filters, ways))
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    nn.init.zeros_(net[-1].bias)
    return net


def adapt(net, task, images, higher_order):
    """Logits and labels of a task's query examples, after the inner steps."""
    x, y, x_query, y_query = task
    inner = torch.optim.SGD(net.parameters(), INNER_RATE)
    options = {"copy_initial_weights": False, "track_higher_grads": higher_order}
    with higher.innerloop_ctx(net, inner, **options) as (student, steps):
        for _ in range(INNER_STEPS):
            steps.step(functional.cross_entropy(student(images[x]), y))
        return student(images[x_query]), y_query


def main(source, seed):
    """Learns and tests.

    Args:
        source: `.npz` with images `(n, height, width, 1)` and tasks, as rows of them,
            for `train` and `test`.
        seed: of the initial weights.
    """
    torch.manual_seed(int(seed))
    given = np.load(source)

    def part(name):
        images = torch.tensor(given[f"{name}_images"]).permute(0, 3, 1, 2)
        tasks = [torch.tensor(given[f"{name}_{i}"]).long() for i in range(4)]
        return images, list(zip(*tasks))

    images, tasks = part("train")
    net = network(int(tasks[0][1].max()) + 1)
    optimizer = torch.optim.Adam(net.parameters(), OUTER_RATE, eps=1e-7)
    count = len(tasks) // TASKS_PER_STEP
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, count)
    for step in range(count):
        optimizer.zero_grad()
        for task in tasks[step * TASKS_PER_STEP : (step + 1) * TASKS_PER_STEP]:
            outputs, labels = adapt(net, task, images, True)
            (functional.cross_entropy(outputs, labels) / TASKS_PER_STEP).backward()
        optimizer.step()
        schedule.step()
    images, tasks = part("test")
    right = []
    for task in tasks:
        outputs, labels = adapt(net, task, images, False)
        right.append((outputs.argmax(-1) == labels).float().mean().item())
    print(json.dumps(float(np.mean(right))))


if __name__ == "__main__":
    main(*sys.argv[1:])
