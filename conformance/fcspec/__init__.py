"""fcspec: a specification and a conformance suite for torch.func.functional_call."""

__version__ = "0.1.0"
