"""Proposals that a language model drew: read in the background, decided one by one. The model's words are given."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.gateway.proposals import Proposals
from server.gateway.upstream import UpstreamError
from tests.unit.llm.test_proposals import GOOD, TEXT

Json = dict[str, Any]
Ask = Callable[..., Any]


class Model:
    """Stands where the model service is: what it was asked, and what it says next."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.says: list[Json | Exception] = []

    async def propose(self, text: str) -> Json:
        self.asked.append(text)
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if isinstance(said, Exception):
            raise said
        return said


@pytest.fixture
def model(admin: TestClient, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A language model that is configured, with the background work done by `work`."""
    monkeypatch.setattr("server.gateway.proposals.AGAIN_S", 0.0)
    given, made = proposals(admin), Model()
    made.says = [{"faults": [GOOD]}]
    monkeypatch.setattr(given, "configured", True)
    monkeypatch.setattr(given, "_upstream", made)
    return made


@pytest.fixture
def ask(admin: TestClient) -> Ask:
    """Asks for ``METHOD path`` below /api and checks the status."""

    def ask(route: str, body: Json | None = None, status: int = 200) -> Any:
        method, _, path = route.partition(" ")
        answer = admin.request(method, "/api" + path, json=body)
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content else None

    return ask


def proposals(admin: TestClient) -> Proposals:
    found: Proposals = admin.app.state.proposals  # type: ignore[attr-defined]
    return found


def run(admin: TestClient, work: Callable[..., Any], *rest: Any) -> Any:
    assert admin.portal is not None
    return admin.portal.call(work, *rest)


def test_without_a_language_model_the_way_to_one_is_told(ask: Ask) -> None:
    assert ask("GET /proposals")["configured"] is False
    refused = ask("POST /proposals/manuals", {"title": "Manual", "text": TEXT}, 409)
    assert refused["code"] == "not_configured"
    assert "[understanding]" in refused["text"]["zh"]


def test_a_manual_becomes_proposals_that_are_accepted_one_by_one(ask: Ask, admin: TestClient, model: Model) -> None:
    number = ask("POST /proposals/manuals", {"title": "Modem", "text": TEXT}, 202)["id"]
    run(admin, proposals(admin).work)
    assert model.asked == [TEXT]
    [listed] = ask("GET /proposals")["items"]
    assert (listed["state"], listed["done"], listed["pieces"], listed["open"]) == ("done", 1, 1, 3)
    fault, check, fix = ask(f"GET /proposals/runs/{number}")["items"]
    assert all(one["source"] in TEXT for one in (fault, check, fix))

    draft = ask("POST /graph/drafts", {}, 201)
    into = {"draft": draft["id"], "revision": draft["revision"]}
    early = ask(f"POST /proposals/{check['id']}/accept", into, 422)
    assert "accept the fault" in early["detail"]
    done = ask(f"POST /proposals/{fault['id']}/accept", {**into, "symptom": "broadband_down"})
    into["revision"] = done["revision"]
    assert [one["code"] for one in done["problems"] if one["node"] == fault["node"]] == ["no_fix"]
    into["revision"] = ask(f"POST /proposals/{check['id']}/accept", into)["revision"]
    done = ask(f"POST /proposals/{fix['id']}/accept", into)
    assert [one for one in done["problems"] if one["severity"] == "error"] == []
    ask(f"POST /proposals/{fix['id']}/refuse", status=404)
    states = [one["state"] for one in ask(f"GET /proposals/runs/{number}")["items"]]
    assert states == ["accepted"] * 3
    noted = [one["action"] for one in ask("GET /audit")["items"]]
    assert noted.count("proposal.accepted") == 3


def test_one_is_refused_and_stays_refused(ask: Ask, admin: TestClient, model: Model) -> None:
    number = ask("POST /proposals/manuals", {"title": "Modem", "text": TEXT}, 202)["id"]
    run(admin, proposals(admin).work)
    fault = ask(f"GET /proposals/runs/{number}")["items"][0]
    ask(f"POST /proposals/{fault['id']}/refuse", status=204)
    after = ask(f"GET /proposals/runs/{number}")["items"][0]
    assert (after["state"], after["by"]) == ("refused", "admin")


def test_what_stands_nowhere_is_counted_and_thrown_away(ask: Ask, admin: TestClient, model: Model) -> None:
    model.says = [{"faults": [{**GOOD, "quote": "the moon is made of cheese"}]}]
    number = ask("POST /proposals/manuals", {"title": "Modem", "text": TEXT}, 202)["id"]
    run(admin, proposals(admin).work)
    assert ask("GET /proposals")["items"][0]["thrown"] == {"no_source": 1}
    assert ask(f"GET /proposals/runs/{number}")["items"] == []


def test_a_model_that_is_away_is_asked_again_and_the_run_can_be_resumed(
    ask: Ask, admin: TestClient, model: Model
) -> None:
    away = UpstreamError("models", "unreachable")
    model.says = [{"faults": [GOOD]}, away, away, away, {"faults": []}]
    text = "\n\n".join([TEXT + "x" * 1500] * 2)
    number = ask("POST /proposals/manuals", {"title": "Modem", "text": text}, 202)["id"]
    run(admin, proposals(admin).work)
    [listed] = ask("GET /proposals")["items"]
    assert (listed["state"], listed["failure"], listed["done"], listed["open"]) == ("failed", "unreachable", 1, 3)
    ask(f"POST /proposals/runs/{number}/resume", status=204)
    run(admin, proposals(admin).work)
    [listed] = ask("GET /proposals")["items"]
    assert (listed["state"], listed["done"], listed["open"]) == ("done", 2, 3)
    assert len(model.asked) == 5


def test_a_run_whose_gateway_has_gone_is_taken_up(ask: Ask, admin: TestClient, model: Model, clock: Any) -> None:
    ask("POST /proposals/manuals", {"title": "Modem", "text": TEXT}, 202)
    given = proposals(admin)
    assert run(admin, given._claim) is not None
    run(admin, given.work)
    assert model.asked == []
    clock.passes(minutes=5)
    run(admin, given.work)
    assert len(model.asked) == 1


def test_a_run_is_stopped(ask: Ask, admin: TestClient, model: Model) -> None:
    number = ask("POST /proposals/manuals", {"title": "Modem", "text": TEXT}, 202)["id"]
    ask(f"POST /proposals/runs/{number}/stop", status=204)
    run(admin, proposals(admin).work)
    assert model.asked == []
    assert ask("GET /proposals")["items"][0]["state"] == "stopped"


def test_closed_conversations_are_read_masked_and_erased_with_their_customer(
    ask: Ask, admin: TestClient, model: Model
) -> None:
    service = admin.app.state.chat.conversations  # type: ignore[attr-defined]

    async def a_closed_one() -> str:
        state = await service.open("en", None)
        async with service.store.write() as tx:
            said = "If the power plug is loose it goes off. Push the plug in firmly. My number is 19900000101."
            await tx.add_message(state.id, "customer", said)
            await service.escalate(tx, await tx.lock(state.id), "customer_asked", [], None)
            await tx.set_escalation(state.id, state="closed", ended=tx.now, outcome="solved")
        return str(state.id)

    conversation = run(admin, a_closed_one)
    [ticket] = ask("GET /proposals/tickets")["items"]
    assert (ticket["conversation"], ticket["outcome"]) == (conversation, "solved")
    ask("POST /proposals/tickets", {"title": "No", "tickets": ["nothing"]}, 422)
    number = ask("POST /proposals/tickets", {"title": "Tickets", "tickets": [conversation]}, 202)["id"]
    run(admin, proposals(admin).work)
    assert "power plug" in model.asked[0]
    assert "19900000101" not in model.asked[0]
    found = ask(f"GET /proposals/runs/{number}")["items"]
    assert {one["conversation"] for one in found} == {conversation}
    data = admin.app.state.safety.data  # type: ignore[attr-defined]
    run(admin, data.erase, [conversation])
    assert ask(f"GET /proposals/runs/{number}")["items"] == []
