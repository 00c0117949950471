"""The gateway's application in this process, with a database of its own and no services behind it."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from server.gateway.accounts import add_user
from server.gateway.app import create_app
from server.settings import Settings

PASSWORD = "correct horse battery"
START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ROLES = ("agent", "supervisor", "admin")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", secret="a long secret of the tests", port=20_001, internal_port=20_002)


@pytest.fixture
def client(settings: Settings, clock: Clock) -> Iterator[TestClient]:
    for role in ROLES:
        add_user(settings, role, PASSWORD, role)
    with TestClient(create_app(settings, clock), base_url="http://kefu.test") as connected:
        connected.headers["x-kefu"] = "1"
        yield connected


def log_in(client: TestClient, role: str, **fields: str) -> str:
    """Logs in and returns the session's token, which is not kept in the client."""
    answer = client.post("/api/session", json={"username": role, "password": PASSWORD, **fields})
    assert answer.status_code == 200, answer.text
    token = answer.cookies["kefu_session"]
    client.cookies.clear()
    return token


@contextmanager
def connected(
    client: TestClient, path: str, token: str | None = None, **headers: str
) -> Iterator[WebSocketTestSession]:
    """A socket to the gateway. The test client cancels the server's side where a real one would lose the connection."""
    with suppress(CancelledError), client.websocket_connect(path, headers={**as_role(token), **headers}) as socket:
        yield socket


def as_role(token: str | None) -> dict[str, str]:
    return {"Cookie": f"kefu_session={token}"} if token else {}
