"""Mutants of chapter args."""

from mutants import mutant
from mutants._changes import First, Replace, TopLevel

MUTANTS = [
    mutant(
        "None behind other arguments is left out",
        ("args.tuple",),
        Replace("functional_call", "*args", "*(args[:-1] if len(args) > 1 and args[-1] is None else args)"),
    ),
    mutant(
        "a tuple that holds nothing but a tuple is unpacked twice",
        ("args.tuple",),
        Replace("functional_call", "*args", "*(args[0] if [*map(type, args)] == [tuple] else args)"),
    ),
    mutant(
        "a list of arguments is unpacked like a tuple",
        ("args.single",),
        Replace("functional_call", "isinstance(args, tuple)", "isinstance(args, (tuple, list))"),
    ),
    mutant(
        "a dict as args is taken for keyword arguments",
        ("args.single",),
        Replace(
            "functional_call",
            "if not isinstance(args, tuple): ...",
            """
            if isinstance(args, dict):
                args, kwargs = (), args
            elif not isinstance(args, tuple):
                ...
            """,
        ),
    ),
    mutant(
        "a single argument that is false counts as none",
        ("args.single",),
        Replace(
            "functional_call",
            "args is None",
            "args is None or (isinstance(args, (int, str, list, dict, set)) and not args)",
        ),
    ),
    mutant(
        "a keyword argument that is None is left out",
        ("args.kwargs",),
        Replace(
            "functional_call",
            "{} if kwargs is None else kwargs",
            "{key: value for key, value in (kwargs or {}).items() if value is not None}",
        ),
    ),
    mutant(
        "keyword arguments are dropped beside a single argument",
        ("args.kwargs",),
        Replace("functional_call", "args = (args,)", "args, kwargs = (args,), None"),
    ),
    mutant(
        "the keyword strict in kwargs sets the flag and does not reach forward",
        ("args.any-keyword",),
        First(
            "functional_call",
            """
            kwargs = dict(kwargs or {})
            strict = kwargs.pop("strict", strict)
            """,
        ),
    ),
    mutant(
        "a helper between the call and forward takes keywords of its own",
        ("args.any-keyword",),
        Replace(
            "functional_call",
            "module(*args, **({} if kwargs is None else kwargs))",
            "_invoke(module, *args, **({} if kwargs is None else kwargs))",
        ),
        TopLevel(
            """
            def _invoke(module: Any, *args: Any, **kwargs: Any) -> Any:
                return module(*args, **kwargs)
            """,
        ),
    ),
    mutant(
        "keywords beside positional arguments are taken out of the caller's kwargs",
        ("args.untouched",),
        Replace(
            "functional_call",
            "return module(*args, **({} if kwargs is None else kwargs))",
            """
            taken = kwargs or {}
            if args:
                taken = {key: taken.pop(key) for key in [*taken]}
            return module(*args, **taken)
            """,
        ),
    ),
]
