"""call: an exception leaves as it is, also one that takes nothing new: neither a note nor another attribute."""

from fcspec.cases.support.outcomes import raising
from fcspec.plugin import clause
from fcspec.specimens.base import with_site
from fcspec.specimens.sites import flat_parameter


class Frozen(Exception):
    """Only its traceback can be set, which Python does where an error passes a context manager."""

    def __setattr__(self, name, value):
        if name not in ("__traceback__", "__context__", "__cause__", "__suppress_context__"):
            raise AttributeError(name)
        super().__setattr__(name, value)


@clause("call.exception")
@with_site((flat_parameter,))
def test_an_exception_that_takes_nothing_new_leaves_as_the_same_object(functional_call, site):
    error = Frozen("forward")
    site.in_forward(raising(error))
    for values in ({}, {site.name: site.value()}):
        try:
            functional_call(site.module, values, site.x)
        except Exception as caught:
            found = caught

        assert found is error
