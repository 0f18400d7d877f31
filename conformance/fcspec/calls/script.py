"""A plan and a law that its call broke, as a script that fails where an implementation breaks that law."""

from __future__ import annotations

import re
import textwrap

from fcspec.calls import plan_source
from fcspec.calls.comparison import BrokenLaw
from fcspec.calls.expected import expect
from fcspec.calls.plan import CallPlan
from fcspec.spec import load_spec
from fcspec.target.address import Address


def script_of(plan: CallPlan, broken: BrokenLaw, address: Address) -> str:
    """The script that imports the implementation at `address`, makes the plan's call and asserts the law."""
    definitions = plan_source.definitions(plan)
    body = _body(plan, broken)
    imports = ["import torch", "from torch import nn"]
    imports += [line for name, line in _IMPORTS.items() if re.search(rf"\b{name}\.", definitions + body)]
    lines = _sorted_imports([*address.import_lines(), *imports])
    return "\n".join([*_heading(broken.clause), *lines]) + "\n\n\n" + definitions + body + "\n"


_IMPORTS = {
    **{name: f"import {name}" for name in ("contextlib", "copy", "gc", "io", "warnings", "weakref")},
    "parametrize": "from torch.nn.utils import parametrize",
}
"""How a script imports what it names, beside torch and nn."""


def _heading(slug: str) -> list[str]:
    clause = load_spec()[slug]
    law = " ".join(clause.law.replace("`", "").split())
    return textwrap.wrap(f"{clause.slug} · {clause.level}: {law}", 110, initial_indent="# ", subsequent_indent="# ")


def _body(plan: CallPlan, broken: BrokenLaw) -> str:
    """What stands below the classes: the values, the call, the assertion."""
    assertion, dicts = broken.assertion, plan_source.dicts(plan)
    before = [] if assertion is None or not assertion.setup else assertion.setup.splitlines()
    after = [] if assertion is None else assertion.code.splitlines()
    uses_dicts = "dicts" in " ".join([*before, *after])
    values = [*plan_source.value_assignments(plan), *([f"dicts = {dicts}"] if uses_dicts else [])]
    if assertion is not None and assertion.after_backward:
        after = ["result.backward()", *after]
    assigned = re.search(r"\bresult\b", " ".join(after)) is not None
    contexts = [assertion.context] if assertion is not None and assertion.context else []
    call = plan_source.call_statement(plan, "dicts" if uses_dicts else dicts, assigned, contexts)
    body = "\n".join([*plan_source.prior_call(plan), *values, *before, *_statement(call, plan, broken), *after])
    for number in range(len(plan.values)):
        if assertion is not None and assertion.drops_names:
            break
        body = _inlined(body, f"value{number}", plan_source.value(plan, number))
    return _without_needless_numbers(body)


def _statement(call: str, plan: CallPlan, broken: BrokenLaw) -> list[str]:
    """The call, and what to do where it raises."""
    call = textwrap.indent(call, "    ") if broken.assertion is None or broken.raised else call
    if broken.assertion is not None:
        return ["try:", call, "except Exception:", "    pass"] if broken.raised else [call]
    expected = expect(plan)
    if expected.refused_by is not None:
        return ["try:", call, "except Exception:", "    pass", "else:", '    raise AssertionError("no error")']
    if expected.raises:
        lines = ["try:", call, "except Exception as raised:", "    assert raised is error"]
        return [*lines, "else:", '    raise AssertionError("no error")']
    return [textwrap.dedent(call)]


def _inlined(body: str, name: str, expression: str) -> str:
    """Replace a variable that is used only once by its expression."""
    rest = body.replace(f"{name} = {expression}\n", "", 1)
    if len(re.findall(rf"\b{name}\b", rest)) != 1:
        return body
    return re.sub(rf"\b{name}\b", lambda _: expression, rest)


def _without_needless_numbers(body: str) -> str:
    """Remove the number from a variable where it is the only one of its name."""
    for word in ("value", "own", "number", "runs", "order"):
        numbered = set(re.findall(rf"\b{word}\d+\w*\b", body))
        if len(numbered) == 1:
            body = re.sub(rf"\b{numbered.pop()}\b", word, body)
    return body


def _sorted_imports(lines: list[str]) -> list[str]:
    if "import sys" in lines:  # sys.path must change before the next import
        return lines
    plain = [line for line in lines if line.startswith("import")]
    others = [line for line in lines if line.startswith("from")]
    return [*plain, *sorted(others), *(line for line in lines if line.startswith("functional_call"))]
