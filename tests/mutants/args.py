"""Mutants of chapter args."""

from mutants import Mutant

CALL = "return module(*args, **(kwargs or {}))"

MUTANTS = [
    Mutant(
        "None behind other arguments is left out",
        ("args.tuple",),
        ((CALL, "return module(*(args[:-1] if len(args) > 1 and args[-1] is None else args), **(kwargs or {}))"),),
    ),
    Mutant(
        "a tuple that holds nothing but a tuple is unpacked twice",
        ("args.tuple",),
        ((CALL, "return module(*(args[0] if [*map(type, args)] == [tuple] else args), **(kwargs or {}))"),),
    ),
    Mutant(
        "a list of arguments is unpacked like a tuple",
        ("args.single",),
        (("elif not isinstance(args, tuple):", "elif not isinstance(args, (tuple, list)):"),),
    ),
    Mutant(
        "a dict as args is taken for keyword arguments",
        ("args.single",),
        (
            (
                "elif not isinstance(args, tuple):",
                "elif isinstance(args, dict):\n        args, kwargs = (), args\n    elif not isinstance(args, tuple):",
            ),
        ),
    ),
    Mutant(
        "a single argument that is false counts as none",
        ("args.single",),
        (("if args is None:", "if args is None or (isinstance(args, (int, str, list, dict, set)) and not args):"),),
    ),
    Mutant(
        "a keyword argument that is None is left out",
        ("args.kwargs",),
        ((CALL, "return module(*args, **{key: value for key, value in (kwargs or {}).items() if value is not None})"),),
    ),
    Mutant(
        "keyword arguments are dropped beside a single argument",
        ("args.kwargs",),
        (("        args = (args,)\n", "        args, kwargs = (args,), None\n"),),
    ),
    Mutant(
        "the keyword strict in kwargs sets the flag and does not reach forward",
        ("args.any-keyword",),
        (
            (
                "    _check_module(module)\n    swap",
                "    kwargs = dict(kwargs or {})\n"
                '    strict = kwargs.pop("strict", strict)\n'
                "    _check_module(module)\n"
                "    swap",
            ),
        ),
    ),
    Mutant(
        "a helper between the call and forward takes keywords of its own",
        ("args.any-keyword",),
        (
            (CALL, "return _invoke(module, *args, **(kwargs or {}))"),
            (
                "def _check_module(",
                "def _invoke(module: Any, *args: Any, **kwargs: Any) -> Any:\n"
                "    return module(*args, **kwargs)\n"
                "\n"
                "\n"
                "def _check_module(",
            ),
        ),
    ),
    Mutant(
        "keywords beside positional arguments are taken out of the caller's kwargs",
        ("args.untouched",),
        (
            (
                CALL,
                "taken = kwargs or {}\n"
                "        if args:\n"
                "            taken = {key: taken.pop(key) for key in [*taken]}\n"
                "        return module(*args, **taken)",
            ),
        ),
    ),
]
