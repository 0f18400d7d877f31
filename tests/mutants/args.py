"""Mutants of chapter args."""

from mutants import Mutant

MUTANTS = [
    Mutant(
        "a list of arguments is unpacked like a tuple",
        ("args.single",),
        (("elif not isinstance(args, tuple):", "elif not isinstance(args, (tuple, list)):"),),
    ),
]
