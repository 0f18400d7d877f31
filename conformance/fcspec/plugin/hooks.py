"""The entry point for every pytest of an environment: the options, and the suite where one of them asks for it.

It imports no more than it needs for that. Without `--fcspec-target` nothing is registered.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("fcspec.cases", "fcspec.state.module_state", "fcspec.specimens", "fcspec.calls")


def pytest_addoption(parser: pytest.Parser) -> None:
    from fcspec.options import flags
    from fcspec.target.address import KNOWN

    group = parser.getgroup("fcspec", "conformance of an implementation of functional_call")
    forms = f"package.module:function, path/to/file.py:function or a short name ({', '.join(KNOWN)})"
    group.addoption("--fcspec-target", dest="fcspec_target", metavar="TARGET", help=forms)
    for flag in flags():
        name, kind = f"--fcspec-{flag.name}", type(flag.default)
        if kind is bool:
            group.addoption(name, action="store_true", help=flag.help)
        elif flag.several:
            group.addoption(name, action="append", default=[], metavar=flag.metavar, help=flag.help)
        elif flag.name != "workers":  # -n says that
            group.addoption(
                name, type=kind, default=flag.default, choices=flag.choices, metavar=flag.metavar, help=flag.help
            )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Iterator[None]:
    """`--implementation` is another name of --fcspec-target, where no conftest has an option of that name."""
    result = yield
    groups = [*parser._groups, parser._anonymous]
    if not any("--implementation" in option.names() for group in groups for option in group.options):
        group = parser.getgroup("fcspec")
        group.addoption("--implementation", dest="fcspec_target", default=None, help="the same as --fcspec-target")
    return result


def pytest_configure(config: pytest.Config) -> None:
    if config.option.fcspec_target:
        from fcspec.plugin.suite import Suite

        config.pluginmanager.register(Suite(config), "fcspec-suite")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where a test file has imported fcspec.parametrize: which of its clauses are selected is known now."""
    parametrizing = sys.modules.get("fcspec.parametrizing")
    if parametrizing is not None:
        session.config.pluginmanager.register(parametrizing.Judging(session), "fcspec-parametrize")
