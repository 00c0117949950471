"""One running product, and one running language model, for all tests that need it."""

from collections.abc import Iterator

import pytest

from tests.support.language_model import language_model_server
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


@pytest.fixture(scope="session")
def language_model() -> Iterator[str]:
    """Address of a real server of the OpenAI protocol with the small model, up to /v1; three requests at once."""
    with language_model_server("--queue", "3") as address:
        yield address
