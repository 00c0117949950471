"""One running product for all tests that need it."""

from collections.abc import Iterator

import pytest

from tests.support.product import Product


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The demo company, running."""
    running = Product(tmp_path_factory.mktemp("product") / "data")
    running.start()
    for name in ("lin", "chen"):
        running.add_staff(name)
    yield running
    running.stop()
