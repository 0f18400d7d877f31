"""Targets that speak to the test framework, so that a test ends early and is not counted."""

import bdb
import unittest

import hypothesis
import pytest
from fcspec.plugin import unsupported


def exits_pytest(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    pytest.exit("all is well", returncode=0)


def skips(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    pytest.skip("not today")


def expects_failure(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    pytest.xfail("known")


def skips_as_unittest_does(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    raise unittest.SkipTest("not today")


def rejects_the_example(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    hypothesis.reject()


def assumes_what_is_false(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    hypothesis.assume(False)


def quits_the_debugger(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    raise bdb.BdbQuit


def says_unsupported(module, values, args=None, kwargs=None, *, tie_weights=True, strict=False):
    unsupported("this torch is too old")
