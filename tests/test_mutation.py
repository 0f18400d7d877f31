"""Generated mutants: what explains that one survives is about a mutant that there still is."""

from pathlib import Path

import fcspec_reference
import pytest
from mutation.operators import changed, mutants
from mutation.survivors import survivors

TWINS = Path(__file__).parent / "twins"
FILES = {path.name: path for path in (Path(fcspec_reference.__file__), *TWINS.glob("*.py"))}
SURVIVORS = list(survivors())


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted({one.file for one in SURVIVORS}))
def test_a_survivor_is_one_of_the_generated_mutants(file):
    source = FILES[file].read_text(encoding="utf-8")
    generated = {mutant.source for mutant in mutants(source)}

    gone = [one.change for one in SURVIVORS if one.file == file and changed(source, one.change) not in generated]

    assert gone == []


def test_a_quote_makes_the_same_mutant():
    source = '''
def call(values, strict=False):
    """Docstring."""
    try:
        for value in list(values):
            if value is None or strict:
                continue
            return [one for one in value if one] if value else values.copy()
    except TypeError:
        raise ValueError(f"{0}") from None
    finally:
        values.count = 1


class Place:
    def put(self):
        self.now = not self.old
        while self.now < 1:
            self.now += 1
'''
    made = list(mutants(source))

    assert [changed(source, mutant.quote) for mutant in made] == [mutant.source for mutant in made]
    assert {mutant.function for mutant in made} == {"", "call", "Place.put"}
    assert len(made) == len({mutant.source for mutant in made}) > 30
