"""Where the modules and values of cases lie: `--device`. It imports torch only where a device is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fcspec.errors import UsageError, in_words

if TYPE_CHECKING:
    from fcspec.spec import Clause

CPU = "cpu"
_TYPES = (CPU, "cuda", "mps")
_PROFILES = ("core", "transforms", "modules")

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
"""An environment in which torch sees no accelerator. Where it sees one, the first backward pass of a process starts a thread for
each, and autograd refuses to run in what is forked afterwards."""


def is_cpu(device: str) -> bool:
    return device.partition(":")[0] == CPU


def check(device: str, clauses: Iterable[Clause]) -> None:
    """UsageError where there is no such type of device, or it cannot judge one of these clauses."""
    kind, colon, index = device.partition(":")
    if kind not in _TYPES or bool(colon) != index.isdecimal():
        raise UsageError(f"--device {device}: expected one of {', '.join(_TYPES)}, or one with an index, as in cuda:1")
    others = sorted({clause.profile for clause in clauses} - set(_PROFILES))
    if others and not is_cpu(device):
        raise UsageError(
            f"--device {device} judges profiles {', '.join(_PROFILES)}; judge {' and '.join(others)} on the CPU"
        )


def use(device: str) -> Callable[[], None]:
    """Make it torch's default device, and return what undoes that. UsageError where this torch has none.

    On another device than the CPU nothing can be forked once it was used.
    """
    import torch

    try:
        torch.zeros(1, device=device).add_(1).tolist()
    except Exception as error:
        why = in_words(error).splitlines()[0].partition(". ")[0]
        raise UsageError(f"--device {device}: torch {torch.__version__} cannot use it here ({why})") from None
    context = getattr(getattr(torch, "_GLOBAL_DEVICE_CONTEXT", None), "device_context", None)
    before = getattr(context, "device", None)  # None: none was set
    torch.set_default_device(device)
    return lambda: torch.set_default_device(before)
