"""What stands in the audit log: who looked at which conversation, and who changed staff accounts from where."""

import json

import pytest

from server.gateway.accounts import AccountError, add_user, change_user, command_line_actor, set_password
from server.storage.audit import Audit
from server.storage.customers import CustomerData
from tests.unit.safety.conftest import PASSWORD, as_role, connected, log_in
from tests.unit.safety.test_customer_data import NEEDLE, conversation, store

__all__ = ["store"]


def entries(client, token, action: str) -> list[dict]:
    items = client.get("/api/audit", headers=as_role(token)).json()["items"]
    return [one for one in items if one["action"] == action]


@pytest.fixture
async def opened(store):
    return await conversation(store, "conv-mine", f"我的号码是{NEEDLE}", customer="C1001")


def test_who_looks_at_a_conversation_is_written_down_once_an_hour(client, opened, clock):
    agent, boss = log_in(client, "agent"), log_in(client, "admin")
    for part in ("", "/decisions", "/customer", "/transcript", ""):
        assert client.get(f"/api/conversations/{opened}{part}", headers=as_role(agent)).status_code == 200
    assert [one["actor"] for one in entries(client, boss, "conversation.opened")] == ["agent"]
    with connected(client, "/ws/desk", boss) as socket:
        socket.send_json({"type": "hello"})
        socket.receive_json()
        for _ in range(3):
            socket.send_json({"type": "open", "conversation": opened})
        socket.send_json({"type": "take", "id": "t", "conversation": "nobody's"})
        while socket.receive_json()["type"] != "refused":
            pass
    assert [one["actor"] for one in entries(client, boss, "conversation.opened")] == ["admin", "agent"]
    clock.passes(minutes=61)
    client.get(f"/api/conversations/{opened}", headers=as_role(agent))
    assert [one["actor"] for one in entries(client, boss, "conversation.opened")] == ["agent", "admin", "agent"]


def test_what_is_not_shown_is_not_written_down(client, opened):
    agent, boss = log_in(client, "agent"), log_in(client, "admin")
    assert client.get("/api/conversations/nobody", headers=as_role(agent)).status_code == 404
    assert client.get(f"/api/conversations/{opened}").status_code == 401
    assert entries(client, boss, "conversation.opened") == []


async def test_an_admin_asks_who_looked_at_a_customer(client, store, opened, settings):
    agent, boss = log_in(client, "agent"), log_in(client, "admin")
    client.get(f"/api/conversations/{opened}", headers=as_role(agent))
    for name in (NEEDLE, "C1001", opened):
        found = client.post("/api/customers/audit", json={"name": name}, headers=as_role(boss)).json()["items"]
        assert [(one["actor"], one["action"]) for one in found] == [("agent", "conversation.opened")], name
    assert client.post("/api/customers/audit", json={"name": "C2002"}, headers=as_role(boss)).json()["items"] == []
    written = json.dumps(client.get("/api/audit", headers=as_role(boss)).json())
    assert opened not in written
    assert "C1001" not in written
    await CustomerData(store, settings.uploads_dir, settings.logs_dir).erase([opened], ["C1001"])
    left = client.post("/api/customers/audit", json={"name": "C1001"}, headers=as_role(boss)).json()["items"]
    assert [one["actor"] for one in left] == ["agent"]


def test_a_place_changed_at_the_desk_is_written_down(client):
    boss = log_in(client, "supervisor")
    client.patch("/api/staff/agent", json={"languages": ["en"], "capacity": 3}, headers=as_role(boss))
    (entry,) = entries(client, log_in(client, "admin"), "staff.changed")
    assert (entry["actor"], entry["target"]) == ("supervisor", "staff:agent")
    assert entry["detail"] == {"languages": ["en"], "capacity": 3}


def test_accounts_changed_at_the_command_line_are_written_down(client, settings):
    agent, boss = log_in(client, "agent"), log_in(client, "admin")
    place = {"teams": ["network"], "languages": ["zh", "en"], "capacity": 2}
    add_user(settings, "lin", PASSWORD, "agent", "Lin", place)
    set_password(settings, "lin", PASSWORD + "2")
    change_user(settings, "lin", {"role": "supervisor", "languages": []})
    change_user(settings, "agent", {"active": False})
    assert client.get("/api/session", headers=as_role(agent)).status_code == 401
    items = client.get("/api/audit", headers=as_role(boss)).json()["items"]
    mine = [(one["action"], one["target"], one["detail"]) for one in items if one["actor"] == command_line_actor()]
    assert mine[:5] == [
        ("staff.changed", "staff:agent", {"active": False}),
        ("staff.changed", "staff:lin", {"role": "supervisor", "languages": []}),
        ("staff.password", "staff:lin", {}),
        ("staff.added", "staff:lin", {"role": "agent", **place}),
        ("staff.added", "staff:admin", {"role": "admin"}),
    ]
    for change in ({"role": "chief"}, {"teams": ["nobody's"]}):
        with pytest.raises(AccountError):
            change_user(settings, "lin", change)
    with pytest.raises(AccountError):
        change_user(settings, "nobody", {"active": True})


def test_the_command_changes_an_account(kefu, settings, monkeypatch):
    monkeypatch.setenv("KEFU_DATA_DIR", str(settings.data_dir))
    place = ("--teams", "network", "--languages", "zh, en")
    added = kefu("user", "add", "lin", *place, "--password-stdin", stdin=PASSWORD + "\n")
    assert added.status == 0, added.err
    changed = kefu("user", "change", "lin", "--teams", "", "--languages", "en", "--capacity", "4", "--disable")
    assert changed.out == 'changed active, teams, languages, capacity of "lin"\n'
    (lin,) = [one for one in json.loads(kefu("user", "list", "--json").out) if one["username"] == "lin"]
    assert (lin["teams"], lin["languages"], lin["capacity"], lin["active"]) == ([], ["en"], 4, False)
    assert kefu("user", "change", "lin", "--languages", "fr").status != 0
    assert "nothing to change" in kefu("user", "change", "lin").err


async def test_how_often_the_log_remembers_looks_is_bounded(store, monkeypatch):
    monkeypatch.setattr("server.storage.audit._LOOKS_KEPT", 3)
    audit = Audit(store, b"key")
    for number in range(10):
        await audit.opened("lin", f"conv-{number}", None)
    assert len(audit._looks) == 3
    assert len(await audit.page(limit=99)) == 10
