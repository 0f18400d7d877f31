"""From an address to the implementation itself: imported, described, and tried on a Linear."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fcspec.errors import UsageError, did_you_mean, in_words
from fcspec.known import check_installed, known_at
from fcspec.target.address import Address
from fcspec.workers.processes import end_if_not


@dataclass(frozen=True)
class Target:
    """Where an implementation stands.

    Attributes:
        address: as the user gave it, short names written out.
        name: what it calls itself, with its distribution's version.
        file: its source file, relative to the import path it was found on; None where there is none (C code).
        line: its first line there.
    """

    address: str
    name: str
    file: str | None
    line: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


_held: dict[Address, Callable[..., Any]] = {}

_search_path: list[str] = []


def hold(address: Address, function: Callable[..., Any]) -> None:
    """Let `load` find an implementation of this process that no import finds, such as a closure."""
    _held[address] = function


def is_held(address: Address) -> bool:
    return address in _held


def search_first(folders: Iterable[str]) -> None:
    """Let targets be imported as in the process that asks for a verdict, whose sys.path this is."""
    _search_path[:] = folders


def load(address: Address) -> Callable[..., Any]:
    """Import the implementation at an address. UsageError, with the module's own error, when that does not work."""
    if address in _held:
        return _held[address]
    found: Any = _load_file(Path(address.place)) if address.is_file else _load_module(address.place)
    for part in address.attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise UsageError(f"{address.place} has no attribute {part!r}{did_you_mean(part, dir(found))}") from None
    if not callable(found):
        raise UsageError(
            f"{address} is not callable: it is a {type(found).__name__}; name a function or a callable object"
        )
    return found  # type: ignore[no-any-return]


def _load_module(name: str) -> Any:
    with _first_on_path(os.getcwd()):
        check_installed(name)
        try:
            return importlib.import_module(name)
        except Exception as error:
            raise UsageError(f"{name} does not import: {in_words(error)}") from None


@contextlib.contextmanager
def _first_on_path(folder: str) -> Iterator[None]:
    """While the target imports its neighbours. What it adds comes last afterwards, lest the suite import one called random.py."""
    before = list(sys.path)
    if _search_path:
        sys.path[:] = dict.fromkeys([*_search_path, folder, *before])
    elif folder not in before and not (folder == os.getcwd() and "" in before):
        sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path[:] = dict.fromkeys([*before, *sys.path])


def _load_file(path: Path) -> Any:
    """Under a stable name in sys.modules, its folder on sys.path: torch.compile looks both up."""
    if not path.is_file():
        raise UsageError(f"no file {path}; expected path/to/file.py:function")
    path = path.resolve()
    name = path.stem
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(path):
        name = f"fcspec_target_{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    with _first_on_path(str(path.parent)):
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            sys.modules.pop(name, None)
            raise UsageError(f"{path.name} does not import: {in_words(error)}") from None
    return module


def describe(address: Address, function: Callable[..., Any]) -> Target:
    """Name, version and place of a loaded implementation."""
    plain = inspect.unwrap(getattr(function, "func", function))
    module = getattr(plain, "__module__", None) or type(plain).__module__
    package = module.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    try:
        code = plain if inspect.isroutine(plain) or inspect.isclass(plain) else type(plain)
        file, line = inspect.getsourcefile(code), inspect.getsourcelines(code)[1]
    except (TypeError, OSError):
        file, line = None, None
    adapted = known_at(module)
    if adapted is not None:
        name = adapted.title
    else:
        name = f"{package} {version}" if version else getattr(plain, "__qualname__", type(plain).__qualname__)
    return Target(str(address), name, _short(file), line)


def _short(file: str | None) -> str | None:
    if file is None:
        return None
    for folder in sorted((p for p in sys.path if p), key=len, reverse=True):
        if Path(file).is_relative_to(folder):
            return str(Path(file).relative_to(folder))
    return Path(file).name


_NO_ARGUMENTS = "the target does not take functional_call's arguments"
_NO_CALL = "the target cannot call a torch.nn.Linear"
_NO_RESULT = "the target does not compute with the given values"


def try_out(function: Callable[..., Any], tidy: Callable[[], object] = lambda: None) -> str | None:
    """How it fails to call a Linear, as a first draft does; None: it does not. UsageError where it can't take the arguments.

    Whatever is no plain error (an exit, an interruption, speech to a test framework) is for the cases to judge.

    Args:
        tidy: called after the call, to put back what it may have replaced.
    """
    import torch

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None
    module = torch.nn.Linear(2, 2)
    values = {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}
    if signature is not None:
        try:
            signature.bind(module, values, (), None, tie_weights=True, strict=False)
        except TypeError as error:
            wanted = "(module, parameter_and_buffer_dicts, args, kwargs=None, *, tie_weights=True, strict=False)"
            raise UsageError(f"{_NO_ARGUMENTS}: {error}; expected {wanted}") from None
    process = os.getpid()
    try:
        result = function(module, values, (torch.ones(1, 2),))
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("_pytest", "hypothesis", "unittest", "bdb", "fcspec"):
            return None
        return f"{_NO_CALL}: {in_words(error)}"
    except BaseException:
        return None
    finally:
        end_if_not(process)
        tidy()
    if inspect.iscoroutine(result):
        result.close()  # or Python warns that nobody awaited it
        return f"{_NO_RESULT}: a torch.nn.Linear gives a coroutine; define it with def, not with async def"
    if result is None:
        return f"{_NO_RESULT}: a torch.nn.Linear gives None"
    if isinstance(result, torch.Tensor) and torch.equal(result.detach(), torch.full((1, 2), 2.0)):
        return None
    found = "another result" if isinstance(result, torch.Tensor) else f"an object of type {type(result).__name__}"
    return f"{_NO_RESULT}: a torch.nn.Linear gives {found}"
