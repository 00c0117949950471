"""Logging in: throttled, with a second factor, ended from afar; and what no request may bring."""

import pytest
from starlette.websockets import WebSocketDisconnect

from server.gateway import staff_sessions
from server.gateway.totp import STEP_S, code_at
from tests.unit.safety.conftest import PASSWORD, as_role, connected, log_in


def attempt(client, name: str, password: str, **fields: str):
    answer = client.post("/api/session", json={"username": name, "password": password, **fields})
    client.cookies.clear()
    return answer


def test_many_wrong_passwords_are_slowed_down_and_written_down(client):
    codes = [attempt(client, "agent", f"wrong password {number}").status_code for number in range(7)]
    assert codes == [401] * 5 + [429] * 2
    assert attempt(client, "agent", PASSWORD).status_code == 429
    items = client.get("/api/audit", headers=as_role(log_in(client, "admin"))).json()["items"]
    assert [one["action"] for one in items][:6] == ["login", *["login.refused"] * 5]
    found = client.get("/api/audit?q=REFUSED", headers=as_role(log_in(client, "admin"))).json()["items"]
    assert [one["action"] for one in found] == ["login.refused"] * 5
    assert client.get("/api/audit?q=%25", headers=as_role(log_in(client, "admin"))).json()["items"] == []
    assert "wrong password" not in str(items)


def test_many_names_from_one_address_are_slowed_down_too(client):
    codes = [attempt(client, f"name{number}", "wrong password").status_code for number in range(60)]
    assert codes[-1] == 429


def test_an_unknown_name_is_told_from_a_wrong_password_by_nothing(client):
    known, unknown = attempt(client, "agent", "wrong password"), attempt(client, "nobody", "wrong password")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


def test_a_session_expires(client, clock):
    token = log_in(client, "agent")
    clock.passes(hours=11)
    assert client.get("/api/session", headers=as_role(token)).status_code == 200
    clock.passes(hours=2)
    assert client.get("/api/session", headers=as_role(token)).status_code == 401


def test_the_cookie_is_out_of_scripts_reach(client):
    answer = attempt(client, "agent", PASSWORD)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_second_factor_from_beginning_to_end(client, clock):
    token = log_in(client, "agent")
    headers = as_role(token)
    begun = client.post("/api/session/second-factor", headers=headers)
    assert begun.status_code == 201
    secret = begun.json()["secret"]

    def code() -> str:
        return code_at(secret, int(clock().timestamp() // STEP_S))

    assert log_in(client, "agent")  # not in force before it is confirmed
    assert client.put("/api/session/second-factor", json={"code": "000000"}, headers=headers).status_code == 403
    assert client.put("/api/session/second-factor", json={"code": code()}, headers=headers).status_code == 204
    assert client.get("/api/sessions", headers=headers).json()["second_factor"] is True
    assert client.post("/api/session/second-factor", headers=headers).status_code == 409

    without = attempt(client, "agent", PASSWORD)
    assert (without.status_code, without.headers.get("x-kefu-second-factor")) == (401, "1")
    assert attempt(client, "agent", PASSWORD, code=code()).status_code == 401  # it confirmed, and works only once
    clock.passes(seconds=STEP_S)
    right = code()
    assert attempt(client, "agent", PASSWORD, code=right).status_code == 200
    clock.passes(seconds=STEP_S)
    removal = client.post("/api/session/second-factor/removal", json={"code": code()}, headers=headers)
    assert removal.status_code == 204
    actions = [
        one["action"] for one in client.get("/api/audit", headers=as_role(log_in(client, "admin"))).json()["items"]
    ]
    assert {"second_factor.set", "second_factor.removed"} <= set(actions)


def read_until_closed(socket) -> None:
    for _ in range(50):
        socket.receive_json()


def test_an_admin_ends_sessions_and_the_desk_closes(client, monkeypatch):
    monkeypatch.setattr(staff_sessions, "CHECK_EVERY_S", 0.05)
    token, boss = log_in(client, "agent"), log_in(client, "admin")
    with connected(client, "/ws/desk", token) as socket:
        socket.send_json({"type": "hello"})
        assert socket.receive_json()["type"] == "welcome"
        assert client.delete("/api/staff/agent/sessions", headers=as_role(boss)).json() == {"ended": 1}
        with pytest.raises(WebSocketDisconnect) as end:
            read_until_closed(socket)
    assert end.value.code == 1008
    assert client.get("/api/session", headers=as_role(token)).status_code == 401


def test_ones_other_sessions_end_and_this_one_stays(client):
    first, second = log_in(client, "agent"), log_in(client, "agent")
    assert client.get("/api/sessions", headers=as_role(second)).json()["sessions"] == 2
    assert client.delete("/api/sessions", headers=as_role(second)).json() == {"ended": 1}
    assert client.get("/api/session", headers=as_role(first)).status_code == 401
    assert client.get("/api/session", headers=as_role(second)).status_code == 200


@pytest.mark.parametrize("size", [300_000, 30_000_000])
def test_a_body_above_the_limit_is_refused(client, size):
    answer = client.post("/api/session", content=b'{"username": "' + b"x" * size + b'"}')
    assert answer.status_code == 413


def test_a_body_of_unknown_length_is_cut_off(client):
    def body():
        for _ in range(100):
            yield b"x" * 10_000

    assert client.post("/api/session", content=body(), headers={"Transfer-Encoding": "chunked"}).status_code == 413


def test_every_answer_carries_the_rules_for_the_browser(client):
    for path in ("/api/company", "/api/nothing", "/healthz", "/desk"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_admins_change_the_content_lists(client):
    headers = as_role(log_in(client, "admin"))
    lists = client.get("/api/content", headers=headers).json()
    lists["forbidden"]["phrases"].append("霜火套餐")
    assert client.put("/api/content", json=lists, headers=headers).status_code == 200
    tried = client.post("/api/content/try", json={"text": "推荐霜火套餐"}, headers=headers).json()
    assert tried["reply"] == {"class": "forbidden", "phrase": "霜火套餐"}
    refused = client.put("/api/content", json={"abuse": {"phrases": ["*"]}}, headers=headers)
    assert refused.status_code == 422
    newest = client.get("/api/audit", headers=headers).json()["items"][0]
    assert (newest["actor"], newest["action"], newest["detail"]) == (
        "admin",
        "content.saved",
        {"changed": ["forbidden"]},
    )
