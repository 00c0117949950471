"""Signing in by the company's own accounts, from the login page and back, in a real browser."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.gateway import Gateway
from tests.support.oidc import CLIENT, SECRET, Provider


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    running = Provider(time.time, "").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder: Path = tmp_path_factory.mktemp("sign-in")
    running = Gateway(folder / "data")
    running.environment |= {
        "KEFU_PUBLIC_URL": running.url,
        "KEFU_OIDC_ISSUER": provider.issuer,
        "KEFU_OIDC_CLIENT_ID": CLIENT,
        "KEFU_OIDC_CLIENT_SECRET": SECRET,
        "KEFU_OIDC_NAME": "Qinghe",
        "KEFU_OIDC_ROLES": json.dumps({"agent": "agent"}),
    }
    provider.redirect = f"{running.url}/api/session/oidc/callback"
    running.start()
    yield running
    running.stop()


def test_an_agent_comes_and_goes_by_the_company_account(gateway, provider, agent_in):
    page = agent_in("en").page
    page.goto(f"{gateway.url}/desk")
    page.get_by_role("link", name="Sign in with Qinghe").click()
    expect(page.get_by_text("Lin He")).to_be_visible()
    assert page.url == f"{gateway.url}/desk"
    page.reload()  # the cookie of the session comes along although another site sent us here
    expect(page.get_by_text("Lin He")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in with Qinghe")).to_be_visible()
    assert provider.refused == []


def test_who_has_no_role_reads_why(gateway, provider, agent_in):
    page = agent_in("zh").page
    provider.claims = {"sub": "s-7", "preferred_username": "wei", "roles": ["<b>guest</b>"]}
    page.goto(f"{gateway.url}/admin")
    page.get_by_role("link", name="使用 Qinghe 账号登录").click()
    expect(page.get_by_role("alert")).to_have_text("您的公司账号还没有客服系统的权限，请联系管理员。")
    assert page.url == f"{gateway.url}/admin"
