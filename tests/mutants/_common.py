"""Changes that mutants of several chapters have in common."""

import textwrap

from mutants._changes import After, Before, Change, Replace

# In functional_call: the call of the module, with what puts it back.
TRY = """
try:
    ...
finally:
    ...
"""


def when_raised(code: str, errors: str = "BaseException") -> Change:
    """This runs first when the call has raised one of these errors."""
    handler = f"except {errors}:\n{indented(code)}\n    raise\n"
    return Replace("functional_call", TRY, TRY.replace("finally", f"{handler}finally"))


def put_back_after(errors: str) -> Change:
    """The module is put back after these errors, and after a result, but after no other error."""
    new = f"""
    try:
        swap.put_in()
        result = ...
    except {errors}:
        swap.put_back()
        raise
    swap.put_back()
    return result
    """
    return Replace("functional_call", "try:\n    swap.put_in()\n    return ...\nfinally:\n    swap.put_back()", new)


def value_becomes(where: str, new: str) -> Change:
    """A given value, where this holds, is put in as something else; `place` is where its name is registered."""
    return After("_Swap.take", "place = self.registered.get(name)", f"if {where}:\n    value = {new}")


def given_becomes(where: str, new: str) -> Change:
    """A given tensor, where this holds, is put in as something else; `slot` and `owner` are where it is put."""
    code = f"if isinstance(slot.given, Tensor) and {where}:\n    slot.given = {new}"
    return Before("_Swap.put_in", "owner.stores[slot.home][slot.key] = slot.given", code)


def not_put_back(where: str) -> Change:
    """A slot where this holds is not put back."""
    return Replace("_Slot.put_back", "store[key] = self.old", f"if not ({where}):\n    store[key] = self.old")


def left(where: str) -> Change:
    """What stands in a store where this holds, and did not before, stays there."""
    return Replace("_Slot.put_back", "if key in other: ...", f"if key in other and not ({where}): ...")


def with_old(code: str) -> Change:
    """This runs for each own object that comes back."""
    return After("_Slot.put_back", "store[key] = self.old", code)


def indented(code: str) -> str:
    """The code as the body of a statement."""
    return textwrap.indent(textwrap.dedent(code).strip(), "    ")
