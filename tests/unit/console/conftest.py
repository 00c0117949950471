"""The console's REST on the gateway in this process; no services stand behind it."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.safety.conftest import as_role, client, clock, log_in, settings

__all__ = ["admin", "call", "client", "clock", "settings"]

Json = dict[str, Any]
Call = Callable[..., Any]


@pytest.fixture
def admin(client: TestClient) -> TestClient:
    """The gateway, asked by an administrator."""
    client.headers.update(as_role(log_in(client, "admin")))
    return client


@pytest.fixture
def call(admin: TestClient) -> Call:
    """Asks for ``METHOD path`` below /api/graph and checks the status."""

    def ask(route: str, body: Json | None = None, status: int = 200, **more: Any) -> Any:
        method, _, path = route.partition(" ")
        given = {"json": body} if body is not None else {}
        answer = admin.request(method, "/api/graph" + path, **given, **more)
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer

    return ask
