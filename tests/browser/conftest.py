"""One browser for the tests of the pages, closed before any other test runs: Playwright keeps an event loop."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, StorageState, expect

from tests.support.pages import Administrator, Agent, Customer, Visitor, chromium
from tests.support.product import Product

STAFF = {"wei": ("agent", "韦晴"), "qin": ("agent", "秦朗"), "shen": ("supervisor", "沈默然")}


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


@pytest.fixture(scope="package")
def sessions(product: Product, browser: Browser) -> dict[str, StorageState]:
    """Who is logged in, by user name: tries are limited, so each logs in once, and leaves the language behind."""
    found: dict[str, StorageState] = {}
    for name, (role, shown) in STAFF.items():
        product.add_staff(name, role, shown)
        agent = Agent(browser, "en")
        agent.log_in(product.url, name, product.passwords[name])
        expect(agent.page.get_by_text(shown)).to_be_visible()
        found[name] = {**agent.context.storage_state(), "origins": []}
        agent.close()
    return found


@pytest.fixture
def at_desk(
    product: Product, agent_in: Callable[..., Agent], sessions: dict[str, StorageState]
) -> Callable[..., Agent]:
    """Makes an agent at the desk."""

    def make(language: str, name: str = "wei", size: tuple[int, int] = (1366, 768)) -> Agent:
        agent = agent_in(language, size=size, session=sessions[name])
        agent.page.goto(f"{product.url}/desk")
        return agent

    return make


@pytest.fixture
def administrator_in(browser, visitors, admin_session):
    """Makes an administrator who reads the given language and is logged in."""

    def make(language: str, **options: object) -> Administrator:
        visitors.append(one := Administrator(browser, language, session=admin_session, **options))
        return one

    return make


@pytest.fixture(scope="package")
def admin_session(product, browser):
    """One log-in for all tests: tries are limited."""
    admin = Administrator(browser, "en")
    admin.open(product.url, "account")
    admin.page.locator("[name=username]").fill("admin")
    admin.page.locator("[name=password]").fill(product.passwords["admin"])
    admin.button("login").click()
    expect(admin.page.locator(".navigation")).to_be_visible()
    state = {**admin.context.storage_state(), "origins": []}
    admin.close()
    return state
