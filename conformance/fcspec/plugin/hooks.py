"""The entry point for every pytest of an environment: the options, and the suite where one of them asks for it.

It imports no more than it needs for that. Without `--fcspec-target` nothing is registered.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("fcspec.cases", "fcspec.state.module_state", "fcspec.specimens", "fcspec.calls")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Every option is a key of the ini file, too: `fcspec_target` for --fcspec-target."""
    from fcspec.options import flags
    from fcspec.target.address import SHORT_NAME

    group = parser.getgroup("fcspec", "conformance of an implementation of functional_call")
    forms = f"package.module:function, path/to/file.py:function or {SHORT_NAME}"
    group.addoption("--fcspec-target", dest="fcspec_target", metavar="TARGET", help=forms)
    parser.addini("fcspec_target", f"{forms}; where `fcspec` is collected", default=None)
    for flag in flags():
        name, key = f"--fcspec-{flag.name}", f"fcspec_{flag.name}"
        if type(flag.default) is bool:
            group.addoption(name, action="store_true", default=None, help=flag.help)
            parser.addini(key, flag.help, type="bool", default=None)
        elif flag.several:
            group.addoption(name, action="append", metavar=flag.metavar, help=flag.help)
            parser.addini(key, flag.help, type="args", default=None)
        elif flag.name != "workers":  # -n says that
            group.addoption(name, type=type(flag.default), choices=flag.choices, metavar=flag.metavar, help=flag.help)
            parser.addini(key, flag.help, default=None)


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
    if not config.option.fcspec_target and any(arg.partition("::")[0] == "fcspec" for arg in config.args):
        config.option.fcspec_target = config.getini("fcspec_target")
    if config.option.fcspec_target:
        from fcspec.plugin.suite import Suite

        config.pluginmanager.register(Suite(config), "fcspec-suite")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where a test file has imported fcspec.parametrize: which of its clauses are selected is known now."""
    parametrizing = sys.modules.get("fcspec.parametrizing")
    if parametrizing is not None:
        session.config.pluginmanager.register(parametrizing.Judging(session), "fcspec-parametrize")
