"""What surrounds a planned call: the class of its dicts, what its modules derive from, the call before it, its context."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcspec.calls.addition import Addition


class DictClass(enum.StrEnum):
    """The class of the dicts that are passed."""

    DICT = "dict"
    ORDERED_DICT = "OrderedDict"
    FALSE_DICT = "FalseDict"
    """A subclass of dict whose instances are false."""


class Mixin(enum.StrEnum):
    """What every class of the plan derives from, beside nn.Module: the name of a class."""

    NONE = ""
    EQUAL = "Equal"
    """Its instances are equal to each other, and have one hash."""
    FALSE = "Falsy"
    """Its instances are false."""
    EMPTY = "Empty"
    """The len() of its instances is 0."""


class PriorCall(enum.Enum):
    """A call of the same module, with other tensors of the same contents, before the call that is judged."""

    NONE = enum.auto()
    SAME = enum.auto()
    REFUSED = enum.auto()
    """It is an error."""
    REPLACED_CHILD = enum.auto()
    """After it, a submodule is replaced by a copy of itself."""


class Mode(enum.StrEnum):
    """A mode of torch that the call is made in: the context manager."""

    NONE = ""
    NO_GRAD = "torch.no_grad()"
    INFERENCE = "torch.inference_mode()"
    AUTOCAST = 'torch.autocast("cpu", torch.bfloat16)'
    """It changes none of what forward computes."""
    FUNCTION_MODE = "torch.overrides.BaseTorchFunctionMode()"


@dataclass(frozen=True)
class Surroundings:
    """What surrounds a call.

    Attributes:
        replaced: the number of the module that a copy replaces after the prior call.
        one_dict_twice: the tuple holds its one dict twice.
        in_cached: the call is made inside parametrize.cached(), between two plain calls.
        mode: what the call is made inside of.
        addition: what it has besides.
    """

    dict_class: DictClass = DictClass.DICT
    mixin: Mixin = Mixin.NONE
    prior: PriorCall = PriorCall.NONE
    replaced: int | None = None
    one_dict_twice: bool = False
    in_cached: bool = False
    mode: Mode = Mode.NONE
    addition: Addition | None = None

    @property
    def without_grad(self) -> bool:
        """Whether gradients are switched off."""
        return self.mode in (Mode.NO_GRAD, Mode.INFERENCE) or (self.addition is not None and self.addition.no_grad)


NOTHING_UNUSUAL = Surroundings()


CLASSES = {
    DictClass.FALSE_DICT: """\
class FalseDict(dict):
    def __bool__(self):
        return False""",
    DictClass.ORDERED_DICT: "from collections import OrderedDict",
    Mixin.EQUAL: """\
class Equal:
    def __eq__(self, other):
        return isinstance(other, Equal)

    def __hash__(self):
        return 7""",
    Mixin.FALSE: """\
class Falsy:
    def __bool__(self):
        return False""",
    Mixin.EMPTY: """\
class Empty:
    def __len__(self):
        return 0""",
}
"""The source code of the classes that a call's surroundings name."""
