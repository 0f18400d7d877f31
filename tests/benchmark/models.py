"""Modules of many sizes and shapes, and small models as people write them. Forward does nothing: the rest is a call's cost."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils import parametrize


class Idle(nn.Module):
    """A module whose submodules are there to be called with other values, and whose forward does nothing."""

    def __init__(self, **children: nn.Module) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)

    def forward(self) -> None:
        return None


class Rebinding(Idle):
    """Forward rebinds one buffer."""

    def __init__(self, **children: nn.Module) -> None:
        super().__init__(**children)
        self.register_buffer("steps", torch.zeros(()))
        self.one = torch.ones(())

    def forward(self) -> None:
        self.steps = self.one


class Half(nn.Module):
    """A parametrization."""

    def forward(self, original: torch.Tensor) -> torch.Tensor:
        return original / 2


def layers(tensors: int) -> Idle:
    """A list of linear layers, of two tensors each."""
    return Idle(layers=nn.ModuleList(nn.Linear(1, 1) for _ in range(tensors // 2)))


def flat(tensors: int) -> Idle:
    """All tensors in one module."""
    module = Idle()
    for number in range(tensors):
        module.register_parameter(f"weight{number}", nn.Parameter(torch.zeros(1)))
    return module


def nested(tensors: int) -> Idle:
    """A tree of modules, with four branches at each fork and a linear layer at each end."""

    def branch(ends: int) -> nn.Module:
        if ends == 1:
            return nn.Linear(1, 1)
        sizes = [len(range(start, ends, 4)) for start in range(4)]
        return nn.Sequential(*(branch(size) for size in sizes if size))

    return Idle(tree=branch(tensors // 2))


def tied(tensors: int) -> Idle:
    """Linear layers of which each second one has the weight of the one before."""
    module = layers(tensors)
    linear = list(module.layers)
    for first, second in zip(linear[::2], linear[1::2], strict=False):
        second.weight = first.weight
    return module


def parametrized(tensors: int) -> Idle:
    """Linear layers whose weight is computed."""
    module = layers(tensors)
    for layer in module.layers:
        parametrize.register_parametrization(layer, "weight", Half())
    return module


def batch_norms(tensors: int) -> Idle:
    """Batch norms, of five tensors each."""
    return Idle(layers=nn.ModuleList(nn.BatchNorm1d(1) for _ in range(tensors // 5)))


def rebinding(tensors: int) -> Idle:
    return Rebinding(layers=nn.ModuleList(nn.Linear(1, 1) for _ in range(tensors // 2)))


def transformer() -> Idle:
    """Six layers of a transformer, with one weight for the embedding and the head."""
    embedding, head = nn.Embedding(64, 16), nn.Linear(16, 64, bias=False)
    head.weight = embedding.weight
    layer = nn.TransformerEncoderLayer(16, 2, 32)
    return Idle(embedding=embedding, encoder=nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), head=head)


def resnet() -> Idle:
    """Sixteen blocks of two convolutions and batch norms, as in a ResNet of 34 layers."""

    def block() -> nn.Module:
        return nn.Sequential(
            *(part for _ in range(2) for part in (nn.Conv2d(4, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()))
        )

    return Idle(stem=nn.Conv2d(3, 4, 7), blocks=nn.Sequential(*(block() for _ in range(16))), head=nn.Linear(4, 10))


def lstm() -> Idle:
    """An LSTM of two layers in both directions, with an embedding and a head."""
    recurrent = nn.LSTM(8, 8, num_layers=2, bidirectional=True)
    return Idle(embedding=nn.Embedding(64, 8), recurrent=recurrent, head=nn.Linear(16, 64))


def own_values(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """A value of its own for each parameter and buffer, one for a tied group."""
    copies: dict[int, torch.Tensor] = {}
    for named in (module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False)):
        for name, own in named:
            yield name, copies.setdefault(id(own), own.detach().clone())
