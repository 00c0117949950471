"""One browser for the tests of the pages, closed before any other test runs: Playwright keeps an event loop."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.pages import Agent, Customer, Visitor, chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def visitors() -> Iterator[list[Visitor]]:
    """Everybody who came in a test; none of their pages may have failed."""
    came: list[Visitor] = []
    yield came
    problems = [problem for one in came for problem in one.problems]
    for one in came:
        one.close()
    assert problems == []


@pytest.fixture
def customer_in(browser: Browser, visitors: list[Visitor]) -> Callable[..., Customer]:
    """Makes a customer who reads the given language."""

    def make(language: str, **options: object) -> Customer:
        visitors.append(customer := Customer(browser, language, **options))
        return customer

    return make


@pytest.fixture
def agent_in(browser: Browser, visitors: list[Visitor]) -> Callable[..., Agent]:
    """Makes an agent who reads the given language."""

    def make(language: str, **options: object) -> Agent:
        visitors.append(agent := Agent(browser, language, **options))
        return agent

    return make
