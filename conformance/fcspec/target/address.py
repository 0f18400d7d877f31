"""Where an implementation is found: an address, checked once and then passed on as it is."""

from __future__ import annotations

from dataclasses import dataclass

from fcspec.errors import UsageError, did_you_mean

KNOWN = {
    "torch": "torch.func:functional_call",
    "reference": "fcspec_reference:functional_call",
}
"""Short names of implementations that this environment may have."""

FORMS = "\n  ".join(
    ("one of", "package.module:function", "path/to/file.py:function", f"a short name ({', '.join(KNOWN)})")
)
"""What an address may look like, for messages."""


@dataclass(frozen=True)
class Address:
    """An address of the right form. Whether something is there shows when it is imported.

    Attributes:
        place: a module's dotted name, or the path of a file that ends in .py.
        attribute: the dotted name of the implementation there.
    """

    place: str
    attribute: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read one of the three forms. UsageError, with a did-you-mean, where the text has none of them."""
        place, colon, attribute = KNOWN.get(text, text).rpartition(":")
        if not (colon and place and attribute):
            raise UsageError(f"{text!r} is no target{did_you_mean(text, KNOWN)}; expected {FORMS}")
        return cls(place, attribute)

    @property
    def is_file(self) -> bool:
        return self.place.endswith(".py")

    def __str__(self) -> str:
        return f"{self.place}:{self.attribute}"
