"""One running product, and one running language model, for all tests that need it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.collector import Collector
from tests.support.language_model import language_model_server
from tests.support.product import Product
from tests.support.servers import Postgres, postgres_server

# The same cases at every run; `pytest --hypothesis-profile=search` looks for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the product sends its traces."""
    with Collector() as running:
        yield running


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Product]:
    """The demo company, running."""
    running = Product(tmp_path_factory.mktemp("product") / "data", traces_url=collector.url)
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a new database: a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'kefu.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database()
    yield url
    server.drop(url)
