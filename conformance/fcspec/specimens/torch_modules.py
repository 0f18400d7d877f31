"""Every class in torch.nn that holds parameters or buffers of its own: how to make one, and what to call it with.

Tiny ones, without dropout. Classes that the torch in use lacks are left out. Containers hold what is put into them, and are
specimens of chapter swap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fcspec.specimens.base import values_like
from fcspec.state.module_state import slots

Make = Callable[[], nn.Module]
Inputs = Callable[[], tuple[Any, ...]]


@dataclass(frozen=True)
class Stateful:
    """One class, in one of its forms.

    Attributes:
        name: the class, and behind it what makes this form another.
        make: an instance.
        inputs: arguments that it takes.
    """

    name: str
    make: Make
    inputs: Inputs

    @property
    def kind(self) -> str:
        """The name of the class in torch.nn."""
        return self.name.partition(" ")[0]


def values_for(module: nn.Module, seed: int = 1) -> dict[str, Tensor]:
    """A value for every name: around zero for parameters, in (0, 1) for buffers: variances, weights, samples."""
    found = {}
    for number, (name, owner, store, key) in enumerate(slots(module), 100 * seed):
        own = vars(owner)[store][key]
        if own is not None:
            found[name] = values_like(own, number)
            if own.is_floating_point():
                found[name] -= 1.5 if store == "_parameters" else 0.99
    return found


def _floats(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.rand(shape, generator=generator, device=generator.device).to(torch.empty(()).device)


def _ones(*shapes: tuple[int, ...]) -> Inputs:
    """Inputs of these shapes."""
    return lambda: tuple(_floats(*shape) for shape in shapes)


def _integers(*shape: int) -> Tensor:
    return torch.arange(torch.Size(shape).numel()).reshape(shape) % 3


def _initialised(make: Make, *shape: int) -> Make:
    """A lazy module, initialised by a first call."""

    def build() -> nn.Module:
        module = make()
        module(_floats(*shape))
        return module

    return build


def _attention(**options: Any) -> Make:
    return lambda: nn.MultiheadAttention(4, 2, **options)


def _encoder_layer(**options: Any) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, **options)


def _decoder_layer(**options: Any) -> nn.TransformerDecoderLayer:
    return nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0, **options)


def _padding() -> Tensor:
    return torch.tensor([[False, False, False], [False, False, True]])


# Values are around zero, so with eval and without grad these take the fast paths of attention.
_ATTENTION: dict[str, tuple[Make, Inputs]] = {
    "MultiheadAttention": (_attention(), _ones((3, 2, 4), (3, 2, 4), (3, 2, 4))),
    "MultiheadAttention batch first": (
        _attention(batch_first=True),
        lambda: (*(3 * (_floats(2, 3, 4),)), None, False),
    ),
    "MultiheadAttention other widths": (
        _attention(kdim=3, vdim=2, batch_first=True),
        _ones((2, 3, 4), (2, 3, 3), (2, 3, 2)),
    ),
    "MultiheadAttention bias in keys": (
        _attention(add_bias_kv=True, bias=False),
        _ones((3, 2, 4), (3, 2, 4), (3, 2, 4)),
    ),
    "TransformerEncoderLayer": (lambda: _encoder_layer(batch_first=True), _ones((2, 3, 4))),
    "TransformerEncoderLayer norm first": (
        lambda: _encoder_layer(batch_first=True, norm_first=True, activation="gelu"),
        _ones((2, 3, 4)),
    ),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(_encoder_layer(batch_first=True), 2),
        lambda: (_floats(2, 3, 4), None, _padding()),
    ),
    "TransformerEncoder normed": (
        lambda: nn.TransformerEncoder(_encoder_layer(), 1, nn.LayerNorm(4), enable_nested_tensor=False),
        _ones((3, 2, 4)),
    ),
    "TransformerDecoderLayer": (lambda: _decoder_layer(), _ones((3, 2, 4), (2, 2, 4))),
    "TransformerDecoder": (
        lambda: nn.TransformerDecoder(_decoder_layer(norm_first=True), 1, nn.LayerNorm(4)),
        _ones((3, 2, 4), (2, 2, 4)),
    ),
    "Transformer": (lambda: nn.Transformer(4, 2, 1, 1, 8, dropout=0.0, batch_first=True), _ones((2, 3, 4), (2, 2, 4))),
}

_RECURRENT: dict[str, tuple[Make, Inputs]] = {
    "RNN": (lambda: nn.RNN(3, 2), _ones((4, 2, 3))),
    "RNN relu": (lambda: nn.RNN(3, 2, 2, nonlinearity="relu", bias=False), _ones((4, 2, 3))),
    "GRU": (lambda: nn.GRU(3, 2), _ones((4, 2, 3), (1, 2, 2))),
    "GRU both directions": (lambda: nn.GRU(3, 2, bidirectional=True, batch_first=True), _ones((2, 4, 3))),
    "LSTM": (lambda: nn.LSTM(3, 2), _ones((4, 2, 3))),
    "LSTM layers": (lambda: nn.LSTM(3, 2, num_layers=2, bidirectional=True), _ones((4, 3))),
    "LSTM projection": (lambda: nn.LSTM(3, 4, proj_size=2), _ones((4, 2, 3))),
    "RNNCell": (lambda: nn.RNNCell(3, 2), _ones((2, 3), (2, 2))),
    "GRUCell": (lambda: nn.GRUCell(3, 2), _ones((2, 3), (2, 2))),
    "LSTMCell": (lambda: nn.LSTMCell(3, 2), lambda: (_floats(2, 3), (_floats(2, 2), _floats(2, 2)))),
}

PARAMETERS: dict[str, tuple[Make, Inputs]] = {
    "AdaptiveLogSoftmaxWithLoss": (
        lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2, 4], div_value=2.0, head_bias=True),
        lambda: (_floats(6, 4), torch.arange(6)),
    ),
    "Bilinear": (lambda: nn.Bilinear(3, 2, 2), _ones((4, 3), (4, 2))),
    "Conv1d": (lambda: nn.Conv1d(2, 2, 2), _ones((2, 2, 4))),
    "Conv2d": (lambda: nn.Conv2d(2, 2, 2, padding=1, padding_mode="circular"), _ones((2, 2, 3, 3))),
    "Conv3d": (lambda: nn.Conv3d(2, 2, 2, groups=2), _ones((1, 2, 3, 3, 3))),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 2, 2), _ones((2, 2, 4))),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 2, 2, stride=2), _ones((2, 2, 3, 3))),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(2, 2, 2), _ones((1, 2, 2, 2, 2))),
    "Embedding": (lambda: nn.Embedding(3, 2, padding_idx=1), lambda: (_integers(2, 4),)),
    "Embedding clipped": (lambda: nn.Embedding(3, 2, max_norm=0.1), lambda: (_integers(2, 4),)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(3, 2), lambda: (_integers(2, 4),)),
    "EmbeddingBag sum": (
        lambda: nn.EmbeddingBag(3, 2, mode="sum"),
        lambda: (_integers(5), torch.tensor([0, 2]), _floats(5)),
    ),
    "EmbeddingBag max": (lambda: nn.EmbeddingBag(3, 2, mode="max"), lambda: (_integers(2, 4),)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), _ones((2, 4, 3))),
    "LayerNorm": (lambda: nn.LayerNorm((2, 3)), _ones((4, 2, 3))),
    "LazyConv1d": (_initialised(lambda: nn.LazyConv1d(2, 2), 2, 2, 4), _ones((2, 2, 4))),
    "LazyConv2d": (_initialised(lambda: nn.LazyConv2d(2, 2), 2, 2, 3, 3), _ones((2, 2, 3, 3))),
    "LazyConv3d": (_initialised(lambda: nn.LazyConv3d(2, 2), 1, 2, 2, 2, 2), _ones((1, 2, 2, 2, 2))),
    "LazyConvTranspose1d": (_initialised(lambda: nn.LazyConvTranspose1d(2, 2), 2, 2, 4), _ones((2, 2, 4))),
    "LazyConvTranspose2d": (_initialised(lambda: nn.LazyConvTranspose2d(2, 2), 2, 2, 3, 3), _ones((2, 2, 3, 3))),
    "LazyConvTranspose3d": (_initialised(lambda: nn.LazyConvTranspose3d(2, 2), 1, 2, 2, 2, 2), _ones((1, 2, 2, 2, 2))),
    "LazyLinear": (_initialised(lambda: nn.LazyLinear(2), 4, 3), _ones((4, 3))),
    "Linear": (lambda: nn.Linear(3, 2), _ones((4, 3))),
    "LinearCrossEntropyLoss": (
        lambda: nn.LinearCrossEntropyLoss(4, 3, bias=True),
        lambda: (_floats(5, 4), _integers(5)),
    ),
    "PReLU": (lambda: nn.PReLU(3), lambda: (_floats(4, 3) - 0.5,)),
    "RMSNorm": (lambda: nn.RMSNorm(3), _ones((4, 3))),
    **_ATTENTION,
    **_RECURRENT,
}
"""Those that hold parameters only."""

BOTH: dict[str, tuple[Make, Inputs]] = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), _ones((4, 3))),
    "BatchNorm1d cumulative": (lambda: nn.BatchNorm1d(3, momentum=None), _ones((4, 3))),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), _ones((4, 3, 2, 2))),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(3), _ones((4, 3, 2, 2, 1))),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True), _ones((2, 3, 4))),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), _ones((2, 3, 2, 2))),
    "InstanceNorm3d": (lambda: nn.InstanceNorm3d(3, affine=True, track_running_stats=True), _ones((2, 3, 2, 2, 1))),
    "LazyBatchNorm1d": (_initialised(lambda: nn.LazyBatchNorm1d(), 4, 3), _ones((4, 3))),
    "LazyBatchNorm2d": (_initialised(lambda: nn.LazyBatchNorm2d(), 4, 3, 2, 2), _ones((4, 3, 2, 2))),
    "LazyBatchNorm3d": (_initialised(lambda: nn.LazyBatchNorm3d(), 4, 3, 2, 2, 1), _ones((4, 3, 2, 2, 1))),
    "LazyInstanceNorm1d": (
        _initialised(lambda: nn.LazyInstanceNorm1d(affine=True, track_running_stats=True), 2, 3, 4),
        _ones((2, 3, 4)),
    ),
    "LazyInstanceNorm2d": (
        _initialised(lambda: nn.LazyInstanceNorm2d(affine=True, track_running_stats=True), 2, 3, 2, 2),
        _ones((2, 3, 2, 2)),
    ),
    "LazyInstanceNorm3d": (
        _initialised(lambda: nn.LazyInstanceNorm3d(affine=True, track_running_stats=True), 2, 3, 2, 2, 1),
        _ones((2, 3, 2, 2, 1)),
    ),
    "LinearCrossEntropyLoss weighted": (
        lambda: nn.LinearCrossEntropyLoss(4, 3, weight=_floats(3)),
        lambda: (_floats(5, 4), _integers(5)),
    ),
    "SyncBatchNorm": (lambda: nn.SyncBatchNorm(3), _ones((4, 3))),
}
"""Those that hold both."""

BUFFERS: dict[str, tuple[Make, Inputs]] = {
    "BCELoss": (lambda: nn.BCELoss(weight=_floats(3)), _ones((4, 3), (4, 3))),
    "BCEWithLogitsLoss": (
        lambda: nn.BCEWithLogitsLoss(weight=_floats(3), pos_weight=_floats(3)),
        _ones((4, 3), (4, 3)),
    ),
    "BatchNorm1d plain": (lambda: nn.BatchNorm1d(3, affine=False), _ones((4, 3))),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(weight=_floats(3)), lambda: (_floats(4, 3), _integers(4))),
    "FractionalMaxPool2d": (
        lambda: nn.FractionalMaxPool2d(2, output_size=3, _random_samples=_floats(1, 2, 2)),
        _ones((1, 2, 7, 7)),
    ),
    "FractionalMaxPool3d": (
        lambda: nn.FractionalMaxPool3d(2, output_size=3, _random_samples=_floats(1, 2, 3)),
        _ones((1, 2, 7, 7, 7)),
    ),
    "MultiLabelSoftMarginLoss": (
        lambda: nn.MultiLabelSoftMarginLoss(weight=_floats(3)),
        lambda: (_floats(4, 3), (_integers(4, 3) > 0).float()),
    ),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(weight=_floats(3)), lambda: (_floats(4, 3), _integers(4))),
    "NLLLoss": (lambda: nn.NLLLoss(weight=_floats(3)), lambda: (_floats(4, 3), _integers(4))),
    "NLLLoss2d": (lambda: nn.NLLLoss2d(weight=_floats(3)), lambda: (_floats(2, 3, 2, 2), _integers(2, 2, 2))),
}
"""Those that hold buffers only."""


def available(*tables: dict[str, tuple[Make, Inputs]]) -> list[Stateful]:
    """What the torch in use has of these tables."""
    listed = [Stateful(name, *how) for table in tables for name, how in table.items()]
    return [one for one in listed if hasattr(nn, one.kind)]


def tensors(result: Any) -> list[Tensor]:
    """The tensors of a result, which may be a tuple of tuples, or have None in it."""
    if isinstance(result, Tensor):
        return [result]
    return [tensor for part in result or () for tensor in tensors(part)]
