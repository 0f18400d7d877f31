"""What a child prints, in files of its own."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

Output = tuple[IO[bytes], IO[bytes]]
"""The files that take a child's stdout and stderr."""


def use_output(output: Output) -> None:
    """In a child: send stdout and stderr to its own files."""
    for file, descriptor in zip(output, (1, 2), strict=True):
        os.dup2(file.fileno(), descriptor)


def sizes() -> tuple[int, ...]:
    """In a child: how much it has printed to its stdout and stderr so far."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # it is the target's own, or closed
    return os.fstat(1).st_size, os.fstat(2).st_size


def written_since(output: Output, before: tuple[int, ...], most: int = 4000) -> str:
    """In a child: the end of what it has printed since `sizes` said `before`."""
    texts = []
    for file, start, size in zip(output, before, sizes(), strict=True):
        start = max(start, size - most)
        texts.append(os.pread(file.fileno(), size - start, start).decode(errors="replace"))
    return "".join(texts)


def tail(file: Any, length: int = 4000) -> str:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - length))
    return str(file.read().decode(errors="replace"))
