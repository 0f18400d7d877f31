"""restore, in long sequences of calls on one module: plain, failing, nested and writing ones, between training and loading."""

from fcspec.cases.support import sequences
from fcspec.plugin import clause


@clause("restore.objects")
def test_own_objects_come_back_in_a_sequence_of_calls(functional_call, names):
    sequences.run_sequences(functional_call, names, "restore.objects")


@clause("restore.exception")
def test_own_objects_come_back_from_failing_calls_in_a_sequence(functional_call, names):
    sequences.run_sequences(functional_call, names, "restore.exception")


@clause("restore.nested")
def test_own_objects_come_back_from_nested_calls_in_a_sequence(functional_call, names):
    sequences.run_sequences(functional_call, names, "restore.nested")


@clause("restore.rebound")
def test_own_objects_come_back_from_rebinding_calls_in_a_sequence(functional_call, names):
    sequences.run_sequences(functional_call, names, "restore.rebound")
