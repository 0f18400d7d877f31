"""What many tests share: one process that has collected every case, and judges one target after another."""

import pytest
from fcspec.runner import Session


@pytest.fixture(scope="session")
def session():
    with Session(profiles=("all",)) as session:
        yield session
