"""What the generated cases share: calls about a topic are drawn, the same ones in every run, and one law is looked at."""

import zlib

from fcspec.calls import shrinking
from fcspec.calls.comparison import code, judge
from fcspec.calls.drawing import Words, plans
from fcspec.target.address import full_address

shrinking.warm()  # once, and not in the child of every case

EXAMPLES = 6
SHRINKING = 2.0


def words(names) -> Words:
    return Words(
        classes=tuple(names.type() for _ in range(5)),
        children=tuple(names.attribute() for _ in range(6)),
        keys=tuple(names.attribute() for _ in range(20)),
    )


def assert_law_holds(slug, topic, functional_call, names, config):
    """Draw calls about a topic and fail with the smallest one that breaks this law, as a script.

    Where a call breaks another law, that one is for its own cases.
    """

    def judged(plan):
        return [broken for broken in judge(plan, functional_call) if broken.clause == slug]

    seed = zlib.crc32(slug.encode())
    found = shrinking.hunt(plans(topic, words(names)), judged, examples=EXAMPLES, seed=seed, shrinking=SHRINKING)
    if found is not None:
        plan, broken = found
        script = code(plan, broken, full_address(config.getoption("--implementation")))
        raise AssertionError(f"{broken.message}\n\n{script}")
