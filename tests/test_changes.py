"""Changes of a source file: where the code that they quote is found, and what stands there then."""

import ast

import pytest
from mutants import Mutant
from mutants._changes import After, Before, First, Replace, Signature, TopLevel, Whole
from mutants._matching import ChangeError

SOURCE = '''
"""A module."""

import os

LIMIT = 3


def total(prices, tax):
    """What is to be paid."""
    result = 0
    for price in prices:
        if price > LIMIT:
            result += price * tax
    return result


class Basket:
    kind = "basket"

    def add(self, price):
        self.prices.append(price)

    def clear(self):
        try:
            self.prices.clear()
        except AttributeError:
            raise ValueError("no prices") from None
        finally:
            print("cleared")
'''


def changed(*changes, source=SOURCE):
    return Mutant("a mutant", ("a.clause",), changes).source(source)


def as_if(old, new, source=SOURCE):
    """The source with this text in place of that one."""
    assert source.count(old) == 1
    return ast.unparse(ast.parse(source.replace(old, new)))


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (Replace("total", "price > LIMIT", "True"), "price > LIMIT", "True"),
        (Replace("total", "if price > LIMIT: ...", "if price: ..."), "price > LIMIT", "price"),
        (Replace("total", "return ...", "print(...)\nreturn ..."), "return", "print(result)\n    return"),
        (Replace("total", "result += price * tax", ""), "result += price * tax", "pass"),
        (Replace("Basket", '"basket"', '"box"'), '"basket"', '"box"'),
        (Replace("Basket.clear", "ValueError(...)", "KeyError(...)"), "ValueError", "KeyError"),
        (Before("total", "return ...", "print(tax)"), "    return", "    print(tax)\n    return"),
        (After("total", "result = 0", "print(tax)"), "result = 0", "result = 0\n    print(tax)"),
        (First("total", "print(tax)"), "result = 0", "print(tax)\n    result = 0"),
        (First("Basket", "size = 0"), "class Basket:", "class Basket:\n    size = 0"),
        (Signature("total", "(prices, tax=1)"), "(prices, tax)", "(prices, tax=1)"),
        (
            Whole("Basket.add", "def add(self): pass"),
            "add(self, price):\n        self.prices.append(price)",
            "add(self): pass",
        ),
        (TopLevel("import sys"), "import os", "import os\nimport sys"),
    ],
    ids=lambda one: type(one).__name__ if not isinstance(one, str) else "",
)
def test_a_change(change, old, new):
    assert changed(change) == as_if(old, new)


def test_what_the_dots_stand_for_keeps_its_place():
    new = "try:\n    ...\nexcept KeyError:\n    pass\nexcept AttributeError:\n    ...\nfinally:\n    ..."
    change = Replace("Basket.clear", "try:\n    ...\nexcept AttributeError:\n    ...\nfinally:\n    ...", new)

    assert changed(change) == as_if(
        "        except Attr", "        except KeyError:\n            pass\n        except Attr"
    )


def test_each_change_is_made_in_what_those_before_it_have_left():
    changes = Before("total", "return ...", "print(tax)"), Replace("total", "print(tax)", "print(prices)")

    assert changed(*changes) == as_if("    return", "    print(prices)\n    return")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("result = 0", "result = 0  # nothing yet"),
        ("if price > LIMIT:", "if (\n            price  >  LIMIT\n        ):"),
        ("self.prices.append(price)", "if price > LIMIT:\n            self.prices.append(price)"),
        ("LIMIT = 3", "LIMIT = 4"),
    ],
    ids=["comment", "line breaks", "another function", "a constant"],
)
def test_a_change_does_not_depend_on_other_code(old, new):
    edited = SOURCE.replace(old, new)

    assert changed(Replace("total", "price > LIMIT", "price"), source=edited) != ast.unparse(ast.parse(edited))


@pytest.mark.parametrize("name", ["prices", "price", "result", "tax"])
def test_a_variable_may_have_another_name(name):
    change = Replace(
        "total", "if price > LIMIT: result += price * tax", "if price: result -= tax\nelse: result = price"
    )
    edited = SOURCE.replace(name, f"{name}_renamed")

    assert changed(change, source=edited).replace("_renamed", "") == changed(change)


def test_one_name_stands_for_one_variable():
    source = "def f(a, b):\n    print(a, b)\n    print(a, a)"

    assert changed(Replace("f", "print(x, x)", "print(x)"), source=source) == as_if("a, a", "a", source)
    assert changed(Replace("f", "print(x, y)", "print(y)"), source=source) == as_if("t(a, b", "t(b", source)


def test_a_name_of_the_module_is_no_variable():
    with pytest.raises(ChangeError, match="found 0 times"):
        changed(Replace("total", "price > tax", "price"))


def test_the_very_names_decide_where_several_places_fit():
    source = "def f(a, b):\n    print(a)\n    print(b)"

    assert changed(Replace("f", "print(b)", "print()"), source=source) == as_if("print(b)", "print()", source)
    with pytest.raises(ChangeError, match="found 2 times"):
        changed(Replace("f", "print(c)", "print()"), source=source)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Replace("sum", "price", "1"), "'a mutant': sum: expected one such function, found 0"),
        (Replace("Basket.total", "price", "1"), "'a mutant': Basket.total: expected one such function, found 0"),
        (Replace("total", "price < LIMIT", "1"), "'a mutant': total: expected once, found 0 times: 'price < LIMIT'"),
        (Before("total", "print(price)", "1"), "'a mutant': total: expected once, found 0 times: 'print(price)'"),
        (Replace("total", "price", "1"), "'a mutant': total: expected once, found 3 times: 'price'"),
        (Before("total", "return ...", "print(cost)"), "'a mutant': nobody binds cost"),
        (Replace("total", "return 0", "return ..."), "'a mutant': total: expected once, found 0 times"),
        (Replace("total", "result = 0", "result = ..."), "'a mutant': total: `...` is there more often"),
    ],
    ids=["function", "method", "expression", "statement", "several", "name", "quote", "dots"],
)
def test_a_change_that_can_not_be_made_is_an_error_that_says_which_and_why(change, says):
    with pytest.raises(ChangeError) as raised:
        changed(change)

    assert says in str(raised.value)
