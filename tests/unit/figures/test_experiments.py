"""Experiments on the gateway in this process: who meets what, what is counted, how one begins and ends."""

from collections import Counter

import pytest
from starlette.testclient import TestClient

from server.gateway.accounts import add_user
from server.gateway.app import create_app
from server.gateway.experiments import ADOPTED, RUNNING, Experiment
from server.settings_understanding import Understanding
from tests.unit.console.conftest import admin
from tests.unit.safety.conftest import PASSWORD, as_role, client, clock, connected, log_in, settings

__all__ = ["admin", "client", "clock", "settings"]
PATH = "/api/experiments"
GREETING = {"zh": "您好，有什么可以帮您？", "en": "Hello, what can I do for you?"}
NEW = {
    "name": "Shorter greeting",
    "kind": "greeting",
    "target": "",
    "variant": {"texts": GREETING},
    "share": 1.0,
    "metric": "handled",
    "effect": 0.05,
}


def begin(admin, status=201, **changes):
    answer = admin.post(PATH, json={**NEW, **changes})
    assert answer.status_code == status, answer.text
    return answer.json()


def greeted(client):
    with connected(client, "/ws/chat") as socket:
        socket.send_json({"type": "hello", "locale": "en"})
        welcome = socket.receive_json()
        return welcome["conversation"], socket.receive_json()["text"]


def test_the_share_the_halves_and_that_customers_stay_with_theirs():
    one = Experiment(1, "text", "talk.hello", {}, 0.3, "salt", RUNNING)
    met = Counter(one.assigned(f"customer {number}") for number in range(20_000))
    assert met[None] / 20_000 == pytest.approx(0.7, abs=0.015)
    assert met["a"] / met["b"] == pytest.approx(1.0, abs=0.06)
    assert all(one.assigned(f"c{n}") == one.assigned(f"c{n}") for n in range(50))
    # Another salt deals anew: two experiments do not share their halves.
    other = Experiment(2, "text", "talk.hello", {}, 1.0, "pepper", RUNNING)
    everybody = Experiment(3, "text", "talk.hello", {}, 1.0, "salt", RUNNING)
    agree = sum(other.assigned(f"c{n}") == everybody.assigned(f"c{n}") for n in range(4_000))
    assert agree / 4_000 == pytest.approx(0.5, abs=0.04)
    assert Experiment(4, "text", "t", {}, 0.01, "s", ADOPTED).assigned("anybody") == "b"


def test_a_greeting_is_tried_counted_stopped_and_adopted(admin):
    made = begin(admin)
    assert made["result"]["standing"] == "early"
    said = {greeted(admin)[1] for _ in range(14)}
    assert GREETING["en"] in said
    assert len(said) == 2
    assert admin.get(PATH).json()["items"][0]["met"] == 14
    refused = begin(admin, 409, name="Another")
    assert "Shorter greeting" in refused["text"]["en"]
    adopted = admin.post(f"{PATH}/{made['id']}/adopt").json()
    assert (adopted["state"], adopted["result"]["standing"]) == ("stopped", "early")
    # The greeting lives with the company's settings, whose history says where it came from.
    assert admin.get("/api/company").json()["greeting"] == GREETING
    assert admin.get("/api/company-settings").json()["message"] == "Shorter greeting"
    assert {greeted(admin)[1] for _ in range(3)} == {GREETING["en"]}
    assert admin.post(f"{PATH}/{made['id']}/stop").status_code == 409


REFUSED = (
    ({"variant": {"texts": {"zh": "您好"}}}, "English"),
    ({"kind": "text", "target": "otp.sent"}, "otp.sent"),
    ({"kind": "text", "target": "usage.left"}, "{left}"),
    ({"kind": "say", "target": "check_bill"}, "check_bill"),
    ({"kind": "threshold", "variant": {"shift": 0.5}}, "-0.2 to 0.2"),
    ({"kind": "text", "target": "talk.hello", "variant": {"texts": {"zh": "您好 {x}", "en": "{x}"}}}, "placeholders"),
)


def test_what_cannot_be_tried_is_refused_with_a_reason(admin):
    for changes, says in REFUSED:
        assert says in begin(admin, 422, **changes)["text"]["en"], changes
    assert admin.get(PATH).json()["items"] == []


async def test_a_text_and_a_threshold_are_changed_in_their_turns_and_the_record_says_so(admin):
    text = {"zh": "嗨！", "en": "Hi there!"}
    first = begin(admin, kind="text", target="talk.hello", variant={"texts": text})
    second = begin(admin, kind="threshold", variant={"shift": -0.1}, metric="handoff")
    experiments = admin.app.state.experiments
    call = admin.portal.call
    seen = Counter()
    for _ in range(12):
        name, _ = greeted(admin)
        record = {}
        line = call(experiments.say, name, {"key": "talk.hello"}, record)
        assert call(experiments.say, name, {"key": "talk.hello"}, {}) == line
        parse = call(experiments.parse, name, {"threshold": 0.6}, record)
        variants = record["experiments"][str(first["id"])], record["experiments"][str(second["id"])]
        assert ("template" in line) == (variants[0] == "b")
        assert parse["threshold"] == (0.5 if variants[1] == "b" else 0.6)
        assert call(experiments.say, name, {"key": "talk.goodbye"}, {}) == {"key": "talk.goodbye"}
        seen[variants] += 1
    assert len(seen) > 1


PROMPT = {"kind": "prompt", "target": "answer", "variant": {"texts": {"zh": "只写一句。", "en": "Use {one} sentence."}}}


def test_a_prompt_needs_a_language_model_that_writes(admin):
    refused = begin(admin, 409, **PROMPT)
    assert refused["code"] == "not_configured"
    assert "answers = true under [understanding]" in refused["text"]["en"]
    assert admin.get(f"{PATH}/targets").json()["prompts"] == {}


def test_a_prompt_is_met_where_an_answer_is_written_and_nowhere_else(settings, clock):
    model = {"address": "http://127.0.0.1:9/v1", "model": "m", "answers": True}
    settings = settings.model_copy(update={"understanding": Understanding(**model)})
    add_user(settings, "admin", PASSWORD, "admin")
    with TestClient(create_app(settings, clock), base_url="http://kefu.test", headers={"x-kefu": "1"}) as admin:
        admin.headers.update(as_role(log_in(admin, "admin")))
        assert set(admin.get(f"{PATH}/targets").json()["prompts"]["answer"]) == {"zh", "en"}
        assert "placeholders" in begin(admin, 422, **PROMPT)["text"]["en"]
        texts = {"zh": "只写一句。", "en": "Use one sentence."}
        made = begin(admin, **{**PROMPT, "variant": {"texts": texts}})
        assert made["original"]["en"] != texts["en"]
        experiments, call = admin.app.state.experiments, admin.portal.call
        seen = {}
        for _ in range(12):
            name, _ = greeted(admin)
            record = {}
            manner = call(experiments.manner, name, "en", record)
            assert "experiments" not in record, "who only might have met it does not count"
            call(experiments.say, name, {"key": "answer.found"}, record)
            assert "experiments" not in record
            call(experiments.say, name, {"key": "answer.found", "written": {"model": "m"}}, record)
            variant = record["experiments"][str(made["id"])]
            assert manner == (texts["en"] if variant == "b" else "")
            assert call(experiments.manner, name, "zh", {}) == (texts["zh"] if variant == "b" else "")
            seen[name] = variant
        assert set(seen.values()) == {"a", "b"}
        assert admin.get(PATH).json()["items"][0]["met"] == 12
        admin.post(f"{PATH}/{made['id']}/adopt")
        assert {call(experiments.manner, name, "en", {}) for name in seen} == {texts["en"]}


def test_only_administrators_experiment(client):
    supervisor = as_role(log_in(client, "supervisor"))
    assert client.get(PATH, headers=supervisor).status_code == 403


def test_the_plan_says_how_long_it_takes(admin):
    plan = admin.get(f"{PATH}/plan?metric=handled&effect=0.05&share=0.5").json()
    assert plan["days"] is None  # no traffic to go by
    smaller = admin.get(f"{PATH}/plan?metric=handled&effect=0.025&share=0.5").json()
    assert smaller["units"] == pytest.approx(4 * plan["units"], rel=0.01)
    targets = admin.get(f"{PATH}/targets").json()
    assert any(one["key"] == "talk.hello" for one in targets["texts"])
    assert not any(one["key"].startswith(("otp.", "content.")) for one in targets["texts"])
