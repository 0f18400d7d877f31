"""What has no text, as a proxy of what is gone."""


class Unprintable:
    """Refuses to be printed in any way."""

    def __repr__(self) -> str:
        raise ReferenceError("gone")

    def __str__(self) -> str:
        raise ReferenceError("gone")

    def __format__(self, _: str) -> str:
        raise ReferenceError("gone")
