"""What many tests share: one process that has collected every case, and judges one target after another."""

import pytest
from fcspec.runner import Session


@pytest.fixture(scope="session")
def session():
    with Session(profiles=("all",)) as session:
        yield session


@pytest.fixture(scope="session")
def session_for_mutants():
    """Apart from the other one: it imports all that any case imports, before the first mutant."""
    with Session(profiles=("all",)) as session:
        yield session
