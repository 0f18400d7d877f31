"""What the generated cases share: they draw calls about a topic, the same ones in every run, and look at one law."""

import zlib

from fcspec.calls import shrinking
from fcspec.calls.comparison import broken_laws
from fcspec.calls.drawing import plans
from fcspec.calls.module_drawing import Words
from fcspec.calls.script import script_of
from fcspec.plugin.items import UNDER_TEST

EXAMPLES = 6
SHRINK_SECONDS = 0.15


def words(names) -> Words:
    return Words(
        classes=tuple(names.type() for _ in range(5)),
        children=tuple(names.attribute() for _ in range(6)),
        keys=tuple(names.attribute() for _ in range(20)),
    )


def assert_law_holds(slug, topic, functional_call, names, config):
    """Draw calls about a topic and fail with the smallest one that breaks this law, as a script.

    A call that breaks another law does not fail: the cases of that law catch it.
    """

    def judge(plan):
        return [broken for broken in broken_laws(plan, functional_call) if broken.clause == slug]

    found = shrinking.find_smallest(
        plans(topic, words(names)),
        judge,
        examples=EXAMPLES,
        seed=zlib.crc32(slug.encode()),
        shrink_seconds=SHRINK_SECONDS,
    )
    if found is not None:
        plan, broken = found
        script = script_of(plan, broken, config.stash[UNDER_TEST].options.address)
        raise AssertionError(f"{broken.message}\n\n{script}")
