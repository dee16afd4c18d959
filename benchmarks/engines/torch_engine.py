"""PyTorch with higher, and with TorchOpt."""

import higher
import torch
from torch import nn
from torch.nn import functional

from benchmarks import problem as numbers

torch.backends.cudnn.allow_tf32 = False
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def gpu_mb():
    """Peak of the GPU's memory that tensors took, or None without one."""
    found = torch.cuda.is_available()
    return torch.cuda.max_memory_allocated() / 2**20 if found else None


class Convolution(nn.Module):
    """A convolution with stride 2 and TensorFlow's SAME padding for even sizes."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(
            torch.tensor(weight).permute(3, 2, 0, 1).contiguous()
        )

    def forward(self, x):
        size = self.weight.shape[-1] - 2
        before = size // 2
        x = functional.pad(x, (before, size - before) * 2)
        return functional.conv2d(x, self.weight, stride=2)


class Flat(nn.Module):
    """Flattens in TensorFlow's order."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def pool():
    """A 3x3 max-pool with stride 2 and SAME padding; inputs are positive."""
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2))


def net(weights, norm):
    """The net of `benchmarks.problem`."""
    layers = []
    if weights[0].ndim == 2:
        for kernel, bias in zip(weights[::2], weights[1::2]):
            layers += [linear(kernel, bias), nn.ReLU()]
        return nn.Sequential(*layers[:-1])
    for kernel, scale, shift in (weights[:3], weights[3:6]):
        normalisation = norm(len(scale))
        normalisation.weight = nn.Parameter(torch.tensor(scale))
        normalisation.bias = nn.Parameter(torch.tensor(shift))
        layers += [Convolution(kernel), normalisation, nn.ReLU(), pool()]
    return nn.Sequential(*layers, Flat(), linear(*weights[6:]))


class Weights(nn.Module):
    """A network whose weights are as TensorFlow has them."""

    def __init__(self, weights):
        super().__init__()
        for number, weight in enumerate(weights):
            self.register_parameter(f"w{number}", nn.Parameter(torch.tensor(weight)))
        self.count = len(weights)

    @property
    def all(self):
        """The weights in order."""
        return [getattr(self, f"w{number}") for number in range(self.count)]


class Transformer(Weights):
    """The student of words of `benchmarks.problem`."""

    def forward(self, words):
        embedding, *block, kernel, bias = self.all
        scale_1, shift_1, q, q0, k, k0, v, v0, o, o0, scale_2, shift_2, *dense = block
        epsilon, width = numbers.NORM_EPSILON, (numbers.WIDTH,)
        x = functional.embedding(words, embedding)
        seen = functional.layer_norm(x, width, scale_1, shift_1, epsilon)
        query, key, value = (
            torch.einsum("bte,ehd->bthd", seen, w) + b
            for w, b in ((q, q0), (k, k0), (v, v0))
        )
        scores = torch.einsum("bthd,bshd->bhts", query, key) / q.shape[-1] ** 0.5
        attended = torch.einsum("bhts,bshd->bthd", scores.softmax(-1), value)
        x = x + torch.einsum("bthd,hde->bte", attended, o) + o0
        seen = functional.layer_norm(x, width, scale_2, shift_2, epsilon)
        x = x + functional.relu(seen @ dense[0] + dense[1]) @ dense[2] + dense[3]
        return x.mean(1) @ kernel + bias


class TeacherOfWords(Weights):
    """Its teacher."""

    def forward(self, words, progress):
        embedding, *dense = self.all
        pooled = functional.embedding(words, embedding).mean(1)
        seen = torch.cat([pooled, pooled.new_full((len(words), 1), progress)], 1)
        return functional.relu(seen @ dense[0] + dense[1]) @ dense[2] + dense[3]


def linear(kernel, bias):
    """A dense layer."""
    layer = nn.Linear(*kernel.shape)
    layer.weight = nn.Parameter(torch.tensor(kernel).T.contiguous())
    layer.bias = nn.Parameter(torch.tensor(bias))
    return layer


def prepare(problem, estimator):
    """Gives a function that runs once and returns NumPy arrays.

    Args:
        problem: from `benchmarks.problem.make`.
        estimator: `"plain"`: training without commentary; `"higher"`; `"torchopt"`.
            `":momentum"` or `":adam"` behind `"higher"` takes the optimizer of the
            comparison.
    """
    estimator, _, check = estimator.partition(":")
    torch.set_num_threads(2)
    x, x_val, y, y_val = (
        torch.tensor(problem[name], device=DEVICE)
        for name in ("x", "x_val", "y", "y_val")
    )
    if x.ndim == 5:
        x = x.permute(0, 1, 4, 2, 3).contiguous()
        x_val = x_val.permute(0, 3, 1, 2).contiguous()
    epsilon = numbers.NORM_EPSILON
    steps, batch = y.shape

    of_words = x.dtype == torch.int32

    def make_student():
        if of_words:
            return Transformer(numbers.weights(problem, "student")).to(DEVICE)
        return net(
            numbers.weights(problem, "student"),
            lambda n: nn.BatchNorm2d(n, epsilon, 0.1),
        ).to(DEVICE)

    weights = numbers.weights(problem, "teacher")
    if of_words:
        teacher = TeacherOfWords(weights)
    else:
        teacher = net(weights, lambda n: nn.GroupNorm(1, n, epsilon))
    teacher.to(DEVICE)

    def logits(i):
        if of_words:
            return teacher(x[i], i / steps)
        progress = x.new_full((batch, 1, *x.shape[3:]), i / steps)
        return teacher(torch.cat([x[i], progress], 1))

    def inner_loss(student, i):
        weights = torch.sigmoid(logits(i)[:, 0])
        losses = functional.cross_entropy(student(x[i]), y[i], reduction="none")
        return (losses * weights / weights.mean()).mean()

    def result(loss):
        found = torch.autograd.grad(loss, list(teacher.parameters()))
        if of_words:
            return [g.cpu().numpy() for g in found]
        return [in_tensorflows_order(g.detach().cpu()) for g in found]

    def plain():
        student = make_student()
        optimizer = torch.optim.Adam(
            student.parameters(), numbers.LEARNING_RATE, eps=numbers.EPSILON
        )
        for i in range(steps):
            optimizer.zero_grad()
            functional.cross_entropy(student(x[i]), y[i]).backward()
            optimizer.step()
        return [p.detach().cpu().numpy() for p in student.parameters()]

    def with_higher():
        student = make_student()
        if check == "momentum":
            optimizer = torch.optim.SGD(
                student.parameters(), numbers.LEARNING_RATE, numbers.MOMENTUM
            )
        else:
            epsilon = numbers.CHECK_EPSILON if check else numbers.EPSILON
            optimizer = torch.optim.Adam(
                student.parameters(), numbers.LEARNING_RATE, eps=epsilon
            )
        with higher.innerloop_ctx(student, optimizer) as (functional_student, inner):
            for i in range(steps):
                inner.step(inner_loss(functional_student, i))
            return result(functional.cross_entropy(functional_student(x_val), y_val))

    def with_torchopt():
        import torchopt

        student = make_student()
        inner = torchopt.MetaAdam(
            student,
            numbers.LEARNING_RATE,
            eps=numbers.EPSILON,
            eps_root=numbers.EPSILON**2,
        )
        for i in range(steps):
            inner.step(inner_loss(student, i))
        return result(functional.cross_entropy(student(x_val), y_val))

    return {"plain": plain, "higher": with_higher, "torchopt": with_torchopt}[estimator]


def in_tensorflows_order(gradient):
    """Transposes kernels from PyTorch's axes to TensorFlow's."""
    if gradient.ndim == 4:
        gradient = gradient.permute(2, 3, 1, 0)
    return gradient.T.numpy() if gradient.ndim == 2 else gradient.numpy()
