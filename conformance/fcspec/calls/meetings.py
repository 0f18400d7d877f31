"""Features of three kinds and more together, in the topics where laws meet most; all other features have their defaults."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from fcspec.calls.completion import completed
from fcspec.calls.features import AcceptedFeatures, Actor, Alike, Given, GivenValue, Location, Others, Row, Split, Tie
from fcspec.calls.kinds import Act, Kind, Parametrization
from fcspec.calls.surroundings import Mode, PriorCall

_LATE = (Act.BIND_NONE, Act.BIND_STRING, Act.BIND_MODULE, Act.DELETE, Act.MOVE)
_MODES = tuple(mode for mode in Mode if mode)
_EXCHANGES = {"act": (Act.SWAP, Act.ALIAS), "others": (Others.NONE, Others.OF_OWNER)}

TOPICS: tuple[dict[str, tuple[Any, ...]], ...] = (
    # What forward rebinds, and which dicts hold its names.
    {
        "act": (Act.REBIND, Act.ADD_IN_PLACE),
        "shared": (True,),
        "given": (Given.ALL,),
        "split": (Split.ONE_DICT, Split.ONE_EACH),
    },
    {
        "act": (Act.REBIND,),
        "shared": (True,),
        "given": (Given.ALL,),
        "alike": (Alike.EQUAL,),
        "split": (Split.ONE_EACH,),
    },
    {**_EXCHANGES, "value": (GivenValue.PARAMETER,)},
    {**_EXCHANGES, "kind": (Kind.BUFFER,)},
    # What forward does to a tied slot that is not given.
    {
        "act": (Act.REBIND, *_LATE),
        "actor": (Actor.MATE,),
        "tie": (Tie.SAME_MODULE, Tie.OTHER_MODULE),
        "tie_weights": (None, False),
    },
    {"act": (Act.REBIND, *_LATE), "value": (GivenValue.OWN,)},
    # The cache of parametrizations.
    {"in_cached": (True,), "by": (*Parametrization,), "given": (Given.FIRST, Given.REGULAR)},
    {
        "in_cached": (True,),
        "by": (Parametrization.SQUARE,),
        "tie": (Tie.SAME_MODULE, Tie.OTHER_MODULE),
        "given": (Given.LAST, Given.REGULAR),
    },
    {
        "in_cached": (True,),
        "by": (Parametrization.SQUARE,),
        "given": (Given.FIRST, Given.REGULAR),
        "tie_weights": (None, False),
        "strict": (None, True),
    },
    # Modes of torch.
    {"mode": _MODES, "tie": (Tie.SAME_MODULE, Tie.OTHER_MODULE), "given": (Given.FIRST,)},
    {"mode": _MODES, "act": (Act.REBIND, Act.ADD_IN_PLACE, Act.DELETE), "kind": (Kind.BUFFER,)},
    {"mode": _MODES, "by": (Parametrization.SQUARE,), "given": (Given.FIRST, Given.REGULAR)},
    # Several calls.
    {
        "prior": (PriorCall.SAME, PriorCall.REPLACED_CHILD),
        "location": (Location.CHILD,),
        "tie": (Tie.NONE, Tie.SAME_MODULE),
    },
    {
        "calls_inside": (True,),
        "location": (Location.CHILD,),
        "tie": (Tie.SAME_MODULE, Tie.OTHER_MODULE),
        "tie_weights": (None, False),
    },
)


def rows_where_laws_meet() -> Iterator[Row]:
    for topic in TOPICS:
        for values in itertools.product(*topic.values()):
            row = completed(AcceptedFeatures, dict(zip(topic, values, strict=True)))
            if row is not None:
                yield row
