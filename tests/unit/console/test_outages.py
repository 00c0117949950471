"""Notices of known outages through the REST interface, and who is told when one ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.gateway.outages import Outages
from tests.unit.safety.conftest import as_role, log_in

Json = dict[str, Any]
Ask = Callable[..., Any]
GOOD: Json = {
    "title": {"zh": "余杭区宽带抢修", "en": "Broadband repair in Yuhang"},
    "text": {"zh": "一条主干光缆断了，正在抢修。", "en": "A trunk cable was cut and is being repaired."},
    "places": ["yuhang"],
    "areas": ["文三路"],
    "intents": ["fault_broadband"],
}


@pytest.fixture
def ask(admin: TestClient) -> Ask:
    """Asks for ``METHOD path`` below /api/outages and checks the status."""

    def ask(route: str, body: Json | None = None, status: int = 200) -> Any:
        method, _, path = route.partition(" ")
        answer = admin.request(method, "/api/outages" + path, json=body)
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    return ask


def outages(admin: TestClient) -> Outages:
    found: Outages = admin.app.state.outages  # type: ignore[attr-defined]
    return found


def run(admin: TestClient, work: Callable[..., Any], *rest: Any) -> Any:
    """Runs a coroutine where the gateway's connections live."""
    assert admin.portal is not None
    return admin.portal.call(work, *rest)


def actions(admin: TestClient) -> list[str]:
    return [one["action"] for one in admin.get("/api/audit").json()["items"]]


def test_a_notice_is_published_changed_and_ended(ask: Ask, admin: TestClient) -> None:
    made = ask("POST ", GOOD, 201)
    assert (made["state"], made["told"], made["problems"], made["author"]) == ("present", 0, [], "admin")
    [sent] = outages(admin).turn()
    assert {"value": "yuhang", "names": ["余杭区", "余杭", "餘杭區", "Yuhang", "Yuhang district"]} in sent["areas"]
    assert {"names": ["文三路"]} in sent["areas"]

    changed = {**GOOD, "everywhere": True}
    after = ask(f"PUT /{made['id']}", {"revision": made["revision"], "outage": changed})
    assert [one["code"] for one in after["problems"]] == ["warn_everywhere"]
    assert outages(admin).turn()[0]["areas"] is None
    refused = ask(f"PUT /{made['id']}", {"revision": made["revision"], "outage": GOOD}, 409)
    assert refused["code"] == "changed"
    assert refused["revision"] == after["revision"]

    assert ask(f"POST /{made['id']}/end", {"revision": after["revision"]})["state"] == "past"
    assert outages(admin).turn() == []
    listed = ask("GET ")
    assert [one["state"] for one in listed["items"]] == ["past"]
    assert ask(f"PUT /{made['id']}", {"revision": 3, "outage": GOOD}, 422)["code"] == "unusable"
    assert actions(admin)[:3] == ["outage.ended", "outage.changed", "outage.added"]


def test_what_one_can_name_is_listed(ask: Ask) -> None:
    known = ask("GET ")
    assert any(one["value"] == "hangzhou" and "杭州" in one["names"] for one in known["places"])
    assert {"fault_broadband", "fault_tv"} <= {one["id"] for one in known["intents"]}
    assert {"broadband_down"} <= {one["id"] for one in known["symptoms"]}
    assert all(set(one["name"]) >= {"zh", "en"} for one in known["symptoms"] + known["products"])


def test_problems_are_told_before_anything_is_stored(ask: Ask) -> None:
    found = ask("POST /check", {"title": {"zh": "抢修", "en": ""}, "intents": ["nothing"]})["problems"]
    assert {(one["code"], *one["field"]) for one in found} == {
        ("missing", "title", "en"), ("missing", "text", "zh"), ("missing", "text", "en"),
        ("no_area", "places"), ("unknown_name", "intents"),
    }  # fmt: skip
    refused = ask("POST ", {"title": {"zh": "抢修", "en": ""}}, 422)
    assert refused["code"] == "unusable"
    assert "英文" in next(one["text"]["zh"] for one in refused["problems"] if one["code"] == "missing")
    assert ask("GET ")["items"] == []


def test_what_the_bot_must_not_say_is_in_no_notice(ask: Ask, admin: TestClient) -> None:
    lists = admin.get("/api/content").json()
    lists["forbidden"]["phrases"].append("trunk cable")
    assert admin.put("/api/content", json=lists).status_code == 200
    assert ask("POST ", GOOD, 422)["problems"][0]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**GOOD, "surprise": 1}, 422),
        ({**GOOD, "places": ["x"] * 101}, 422),
        ({**GOOD, "title": {"zh": "长" * 101}}, 422),
    ],
)
def test_what_is_no_notice_is_refused(ask: Ask, body: Json, status: int) -> None:
    ask("POST ", body, status)


def test_a_planned_notice_waits_for_its_time_and_can_be_deleted(ask: Ask, admin: TestClient, clock: Any) -> None:
    begins = clock() + timedelta(hours=2)
    made = ask("POST ", {**GOOD, "begins": begins.isoformat()}, 201)
    assert made["state"] == "planned"
    assert outages(admin).turn() == []
    ask(f"DELETE /{made['id']}?revision={made['revision']}", status=204)
    other = ask("POST ", {**GOOD, "begins": begins.isoformat()}, 201)
    assert other["id"] != made["id"]
    clock.passes(hours=3)
    assert [one["id"] for one in outages(admin).turn()] == [other["id"]]
    refused = ask(f"DELETE /{other['id']}?revision={other['revision']}", status=422)
    assert "can't be deleted" in refused["detail"]


def test_there_are_only_so_many_at_a_time(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.gateway.outages.MOST_OPEN", 1)
    ask("POST ", GOOD, 201)
    assert ask("POST ", GOOD, 409)["code"] == "too_many"
    assert len(ask("GET ")["items"]) == 1


def test_only_administrators_from_our_own_page(client: TestClient) -> None:
    assert client.get("/api/outages").status_code == 401
    agent = as_role(log_in(client, "agent"))
    assert client.get("/api/outages", headers=agent).status_code == 403
    admin = as_role(log_in(client, "admin"))
    del client.headers["x-kefu"]
    assert client.post("/api/outages", json=GOOD, headers=admin).status_code == 403


def test_the_end_is_told_once_to_open_conversations_that_were_told(ask: Ask, admin: TestClient) -> None:
    conversations = admin.app.state.chat.conversations  # type: ignore[attr-defined]

    async def open_three() -> list[str]:
        return [(await conversations.open(locale, None)).id for locale in ("zh", "en", "en")]

    told, closed, untold = run(admin, open_three)
    number = ask("POST ", GOOD, 201)["id"]
    given = [{"id": number, "intent": "fault_broadband"}]

    async def tell() -> None:
        for _ in range(2):
            await outages(admin).told(told, given)
        await outages(admin).told(closed, given)
        await conversations.restart(closed, "restart-1")

    run(admin, tell)
    assert ask("GET ")["items"][0]["told"] == 2
    ask(f"POST /{number}/end", {"revision": 1})

    async def said() -> list[list[Any]]:
        for _ in range(3):
            await outages(admin).refresh()
        store = conversations.store
        return [[one for one in await store.messages(name) if one.role == "system"] for name in (told, closed, untold)]

    in_told, in_closed, in_untold = run(admin, said)
    [message] = in_told
    assert message.text.startswith("余杭区宽带抢修")
    assert message.extra["choices"][0]["value"] == f'/fault_broadband{{"outage": "{number}"}}'
    assert in_closed == in_untold == []


def test_times_are_kept_in_utc(ask: Ask) -> None:
    at = datetime(2099, 1, 1, 8, tzinfo=UTC)
    made = ask("POST ", {**GOOD, "expected_end": "2099-01-01T16:00:00+08:00"}, 201)
    assert datetime.fromisoformat(made["expected_end"]) == at
