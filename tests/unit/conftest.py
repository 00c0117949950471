"""What all unit tests share."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from server.gateway import passwords


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Accounts by the hundred: what a hash costs is its purpose, and no test's subject."""
    with pytest.MonkeyPatch.context() as patch:
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "_hasher", hasher)
        patch.setattr(passwords, "_NOBODY", hasher.hash("nobody's"))
        yield
