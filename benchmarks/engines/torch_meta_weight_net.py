"""Betty's quick start, as published and mended; run by ../meta_weight_net.py.

Its finite differences move the student's weights by a small step along the gradient of
the validation loss and back. In betty-ml 0.1.1 the step back does nothing
(`p.data.add` gives a new tensor), so that each step also trains the student on the
validation examples.
"""

import json
import sys

import betty.hypergradient
import numpy as np
import torch
from betty.configs import Config, EngineConfig
from betty.engine import Engine
from betty.problems import ImplicitProblem
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

STEPS, BATCH, IMBALANCE, PER_CLASS = 3000, 100, 100, 100
PUBLISHED = betty.hypergradient.jvp_fn_mapping["darts"]


def mended(vector, current, previous):
    """The published differences, with the weights put back."""
    before = [p.data.clone() for p in current.trainable_parameters()]
    found = PUBLISHED(vector, current, previous)
    for parameter, value in zip(current.trainable_parameters(), before):
        parameter.data.copy_(value)
    return found


class Classifier(ImplicitProblem):
    """Trains on weighted losses."""

    def training_step(self, batch):
        """The weighted loss of a batch."""
        losses = functional.cross_entropy(self(batch[0]), batch[1], reduction="none")
        losses = losses[:, None]
        return torch.mean(self.reweight(losses.detach()) * losses)


class Reweight(ImplicitProblem):
    """Learns the weights."""

    def training_step(self, batch):
        """The classifier's loss on validation examples."""
        return functional.cross_entropy(self.classifier(batch[0]), batch[1])


def split(x, y, seed):
    """Long-tailed training and balanced validation examples."""
    generator = np.random.default_rng(seed)
    most = (len(y) - 10 * PER_CLASS) // 10
    counts = [int(most / IMBALANCE ** (rank / 9)) for rank in range(10)]
    generator.shuffle(counts)
    train, validation = [], []
    for label, count in enumerate(counts):
        rows = generator.permutation(np.flatnonzero(y == label))
        validation.extend(rows[:PER_CLASS])
        train.extend(rows[PER_CLASS : PER_CLASS + count])
    return [(x[rows], y[rows]) for rows in (train, validation)]


def loader(examples, seed):
    """Shuffled batches."""
    generator = torch.Generator()
    generator.manual_seed(seed)
    data = TensorDataset(*map(torch.tensor, examples))
    return DataLoader(data, BATCH, shuffle=True, generator=generator)


def train_plainly(net, optimizer, schedule, batches):
    """Trains without weights."""
    step = 0
    while step < STEPS:
        for x, y in batches:
            optimizer.zero_grad()
            functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step == STEPS:
                break


def train_with_betty(net, optimizer, schedule, batches, validation):
    """Trains with weights by loss, learned on the way."""
    weights = nn.Sequential(
        nn.Linear(1, 100), nn.ReLU(), nn.Linear(100, 1), nn.Sigmoid()
    )
    lower = Classifier(
        name="classifier",
        module=net,
        optimizer=optimizer,
        scheduler=schedule,
        train_data_loader=batches,
        config=Config(type="darts", unroll_steps=1),
    )
    upper = Reweight(
        name="reweight",
        module=weights,
        optimizer=torch.optim.Adam(weights.parameters(), 1e-5),
        train_data_loader=validation,
        config=Config(),
    )
    Engine(
        problems=[upper, lower],
        config=EngineConfig(train_iters=STEPS),
        dependencies={"l2u": {lower: [upper]}, "u2l": {upper: [lower]}},
    ).run()


def accuracy(mode, data, seed):
    """Test accuracy of one training."""
    train, validation = split(data["train_x"], data["train_y"], seed)
    if mode == "plain, validation data added":
        train = tuple(np.concatenate(parts) for parts in zip(train, validation))
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 10)
    )
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1500, 2500], 0.1)
    batches = loader(train, seed)
    if mode.startswith("plain"):
        train_plainly(net, optimizer, schedule, batches)
    else:
        betty.hypergradient.jvp_fn_mapping["darts"] = (
            PUBLISHED if mode == "Betty as published" else mended
        )
        train_with_betty(
            net, optimizer, schedule, batches, loader(validation, seed + 50)
        )
    with torch.no_grad():
        found = net(torch.tensor(data["test_x"])).argmax(1).numpy()
    return float((found == data["test_y"]).mean())


def main(source, mode, seeds):
    """Prints the accuracy of each seed, one JSON list."""
    torch.set_num_threads(1)
    data = dict(np.load(source))
    found = [accuracy(mode, data, seed) for seed in range(int(seeds))]
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
