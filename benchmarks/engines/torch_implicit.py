"""One hyperstep of implicit differentiation in PyTorch, from the formula, ResNet-18.

With v the gradient of the outer loss by the weights, g that of the inner loss and H
its Hessian: `u = a (v + (v - a H v))`, and the hypergradient is `-(dg/dphi)^T u`. Both
products are double backward passes over one graph of g.
"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks import problem as numbers
from benchmarks.engines.torch_engine import DEVICE, gpu_mb, net

__all__ = ["gpu_mb", "prepare"]


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x))


def resnet18():
    """ResNet-18 for 32x32 images, as `tfcommentaries.students.resnet18`."""
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    before = 64
    for stage, after in enumerate((64, 128, 256, 512)):
        layers += [Block(before, after, 2 if stage else 1), Block(after, after, 1)]
        before = after
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, numbers.CLASSES)]
    return nn.Sequential(*layers)


def prepare(problem, estimator):
    """Gives a function that runs once and returns NumPy arrays.

    Args:
        problem: from `benchmarks.problem.make`.
        estimator: `"plain"`: one training step; `"neumann"`: one hyperstep.
    """
    torch.set_num_threads(2)
    size = len(problem["y"][0])
    x, x_val = (
        torch.tensor(a, device=DEVICE).permute(0, 3, 1, 2).contiguous()
        for a in (problem["x"][0], problem["x_val"][:size])
    )
    y, y_val = (
        torch.tensor(a, device=DEVICE)
        for a in (problem["y"][0], problem["y_val"][:size])
    )
    teacher = net(
        numbers.weights(problem, "teacher"),
        lambda n: nn.GroupNorm(1, n, numbers.NORM_EPSILON),
    ).to(DEVICE)
    phi = list(teacher.parameters())
    student = resnet18().to(DEVICE)
    weights = list(student.parameters())
    optimizer = torch.optim.SGD(weights, numbers.LEARNING_RATE, numbers.MOMENTUM)
    scale = numbers.LEARNING_RATE

    def inner_loss():
        progress = x.new_zeros(len(x), 1, 32, 32)
        annotation = torch.sigmoid(teacher(torch.cat([x, progress], 1))[:, 0])
        losses = functional.cross_entropy(student(x), y, reduction="none")
        return (losses * annotation / annotation.mean()).mean()

    def step(loss):
        optimizer.zero_grad()
        loss.backward(inputs=weights)
        optimizer.step()

    def plain():
        step(functional.cross_entropy(student(x), y))
        return [w.detach().cpu().numpy() for w in weights]

    def hyperstep():
        step(inner_loss())
        outer = functional.cross_entropy(student(x_val), y_val)
        v = torch.autograd.grad(outer, weights)
        gradient = torch.autograd.grad(inner_loss(), weights, create_graph=True)
        product = torch.autograd.grad(gradient, weights, v, retain_graph=True)
        u = [scale * (2 * a - scale * b) for a, b in zip(v, product)]
        found = torch.autograd.grad(gradient, phi, u)
        return [-g.cpu().numpy() for g in found]

    return {"plain": plain, "neumann": hyperstep}[estimator]
