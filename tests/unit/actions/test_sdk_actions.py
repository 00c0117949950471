"""The Rasa SDK actions as Rasa calls them: through the SDK's executor."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from conversations import Clock
from rasa_sdk.executor import ActionExecutor

from actions.actions import ACTIONS
from actions.diagnosis_graph import Graphs
from actions.ports import Ports
from actions.retrieval import SearchClient
from actions.state import State
from kg import nodelink
from kg.load import load
from server.assistant import ACTION_OF, CONTINUE_ACTION, FALLBACK_ACTION
from server.settings import ROOT


@pytest.fixture
def executor(ports: Ports, clock: Clock) -> ActionExecutor:
    made = ActionExecutor()
    for action in ACTIONS:
        made.register_action(action(lambda: ports, clock))
    return made


def call(
    action: str, text: str, intent: str, *, slots: dict[str, Any] | None = None, **metadata: Any
) -> dict[str, Any]:
    """An action call as the assistant's process sends it."""
    parse = {
        "text": text, "language": "en", "intent": {"name": intent, "confidence": 0.97}, "entities": [], "oos": 0.0,
        "intent_ranking": [{"name": intent, "confidence": 0.97}], "threshold": 0.6,
    }  # fmt: skip
    return {
        "next_action": action, "sender_id": "c-1", "version": "3.6.21", "domain": {},
        "tracker": {
            "sender_id": "c-1", "slots": slots or {}, "events": [], "paused": False, "latest_input_channel": "kefu",
            "latest_message": {
                "text": text, "intent": {"name": metadata.pop("seen", intent)}, "entities": [],
                "metadata": {"parse": {**parse, **metadata}, "locale": "en", "turn": 3, "conversation": "c-1"},
            },
            "active_loop": {}, "latest_action_name": None, "followup_action": None,
        },
    }  # fmt: skip


async def run(executor: ActionExecutor, request: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any], bool]:
    """The bot messages, the slots that were set, and whether the conversation was paused."""
    result = await executor.run(request)
    messages = [response["custom"] for response in result.responses]
    slots = {event["name"]: event["value"] for event in result.events if event["event"] == "slot"}
    return messages, slots, any(event["event"] == "pause" for event in result.events)


def test_every_action_of_the_domain_exists(executor: ActionExecutor) -> None:
    assert set(executor.actions) == {*ACTION_OF.values(), CONTINUE_ACTION, FALLBACK_ACTION}


async def test_a_question_opens_and_is_answered(executor: ActionExecutor) -> None:
    messages, slots, paused = await run(executor, call("action_skill", "my data", "check_data_usage"))
    assert [message["key"] for message in messages] == ["ask.phone"]
    assert (slots["awaiting"], paused) == (True, False)
    messages, slots, paused = await run(executor, call("action_continue", "19900000108", "inform", slots=slots))
    assert [message["key"] for message in messages] == ["usage.left"]
    assert slots["awaiting"] is False


async def test_a_hand_off_pauses(executor: ActionExecutor) -> None:
    messages, slots, paused = await run(executor, call("action_handoff", "a person", "talk_to_human"))
    assert messages[0]["escalate"]["reason"] == "customer_asked"
    assert paused
    assert slots["awaiting"] is False


@pytest.mark.parametrize(
    ("action", "intent", "table"),
    [
        ("action_say", "smalltalk", None),
        ("action_answer", "invoice", "answer"),
        ("action_diagnose", "fault_tv", "diagnosis"),
    ],
)
async def test_each_kind_has_its_action(executor: ActionExecutor, action: str, intent: str, table: str | None) -> None:
    messages, _, _ = await run(executor, call(action, "how do I get an invoice", intent))
    assert (messages[0].get("key") or "").split(".")[0] == (table or "")


async def test_the_fallback_classifier_has_the_last_word(executor: ActionExecutor) -> None:
    request = call("action_fallback", "hmm hm", "check_bill", seen="nlu_fallback")
    messages, slots, _ = await run(executor, request)
    assert messages[0]["key"] == "clarify.candidates"
    assert slots["awaiting"] is True


async def test_an_intent_that_rasa_does_not_know_is_answered_from_its_definition(executor: ActionExecutor) -> None:
    request = call("action_fallback", "hello", "dynamic", dynamic="greet")
    messages, _, _ = await run(executor, request)
    assert messages[0]["key"] == "talk.hello"


async def test_without_a_parse_the_message_s_own_intent_counts(executor: ActionExecutor) -> None:
    request = call("action_skill", "hello", "greet")
    latest = request["tracker"]["latest_message"]
    latest["metadata"] = {}
    latest["intent"] = {"name": "greet", "confidence": 0.9}
    messages, _, _ = await run(executor, request)
    assert messages[0]["key"] == "talk.hello"


async def test_a_mistake_in_the_actions_ends_with_a_person_and_without_words_in_the_log(
    clock: Clock, ports: Ports, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Ports:
        raise RuntimeError("my secret words")

    executor = ActionExecutor()
    for action in ACTIONS:
        executor.register_action(action(broken, clock))
    slots = {"dialogue": State(customer="C-1").to_json()}
    messages, after, paused = await run(executor, call("action_skill", "my secret words", "greet", slots=slots))
    assert messages[0]["escalate"]["reason"] == "system_failure"
    assert paused
    assert after["dialogue"]["customer"] == "C-1"
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_turn_that_names_an_unknown_version_asks_for_it_and_goes_on_with_it(ports: Ports, clock: Clock) -> None:
    own = Graphs.load(ROOT / "kg" / "data")
    made = ActionExecutor()
    for action in ACTIONS:
        made.register_action(action(lambda: replace(ports, graphs=own), clock))
    other = load([ROOT / "kg" / "data" / "tv.yaml"])
    nodes = [nodelink.of_node(other, name) for name in other.nodes]
    messages, slots, paused = await run(made, call("action_diagnose", "no picture", "fault_tv", graph=other.version))
    assert messages == [{"need": {"graphs": [other.version]}}]
    assert (slots, paused) == ({}, False)
    again = call("action_diagnose", "no picture", "fault_tv", graph=other.version, graphs={other.version: nodes})
    messages, slots, _ = await run(made, again)
    assert "need" not in messages[-1]
    assert slots["diagnosis"]["engine"]["graph"] == other.version
    gone = call("action_continue", "yes", "affirm", slots={**slots, "diagnosis": {"engine": {"graph": "0" * 16}}},
                graphs={"0" * 16: None})  # fmt: skip
    messages, _, _ = await run(made, gone)
    assert "need" not in messages[-1]
    await own.close()


async def test_a_turn_whose_articles_the_search_lacks_asks_for_them_and_brings_them(ports: Ports, clock: Clock) -> None:
    known: dict[str, Any] = {}

    async def service(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/articles":
            known[body["digest"]] = body["articles"]
            return httpx.Response(200, json={"known": body["digest"]})
        if body["library"] not in known:
            return httpx.Response(409, json={"error": "unknown"})
        passage = {"article": "esim", "title": "eSIM", "passage": "Built in.", "url": "/help/esim"}
        return httpx.Response(200, json={"passages": [passage], "confident": True})

    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as http:
        search = SearchClient(http, "http://models")
        made = ActionExecutor()
        for action in ACTIONS:
            made.register_action(action(lambda: replace(ports, retrieval=search), clock))
        messages, slots, _ = await run(made, call("action_answer", "how do I get an eSIM", "esim", articles="d1"))
        assert (messages, slots) == ([{"need": {"articles": ["d1"]}}], {})
        again = call("action_answer", "how do I get an eSIM", "esim", articles="d1", library={"d1": {"esim": {}}})
        messages, _, _ = await run(made, again)
        assert messages[0]["citations"][0]["url"] == "/help/esim"
        # A service that was started anew is told by whoever remembers.
        known.clear()
        messages, _, _ = await run(made, call("action_answer", "how do I get an eSIM", "esim", articles="d1"))
        assert "citations" in messages[0]
        assert known == {"d1": {"esim": {}}}
