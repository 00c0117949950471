"""The service on a real database: what is stored, who may speak, and what a crash leaves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.gateway.conversations import ClosedError, Conversations
from tests.support.floor import Bench, Clock, bench, intent


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def desk(tmp_path: Path, clock: Clock, database_url: str):
    async with bench(tmp_path, clock, database_url) as made:
        yield made


@pytest.fixture
def service(desk: Bench) -> Conversations:
    return desk.service


async def finish(service: Conversations, conversation: str, seq: int, escalate=None) -> None:
    await service.finish_turn(
        conversation,
        seq,
        record={"parse": {}, "decisions": []},
        slots={"awaiting": False},
        locale="en",
        escalate=escalate,
    )


async def test_a_new_conversation_greets_first(service):
    state = await service.open("en", None)
    messages = await service.store.messages(state.id)
    assert [(one.seq, one.role) for one in messages] == [(1, "bot")]
    assert messages[0].text == service.company.greeting["en"]
    assert messages[0].extra["choices"]


async def test_the_same_client_id_is_one_message(service):
    state = await service.open("en", None)
    first = await service.accept(state.id, "id-1", "hello")
    again = await service.accept(state.id, "id-1", "hello")
    assert (first.seq, again.seq, again.message) == (2, 2, None)
    assert len(await service.store.messages(state.id)) == 2


async def test_a_bot_message_of_a_turn_is_stored_once(service):
    state = await service.open("en", None)
    seq = (await service.accept(state.id, "id-1", "hello")).seq
    assert await service.bot_says(state.id, (seq, 0), "hi", {})
    assert await service.bot_says(state.id, (seq, 0), "hi", {})
    assert [one.text for one in await service.store.messages(state.id, after=2)] == ["hi"]


async def test_the_bot_is_silent_after_the_customer_asked_for_a_person(service):
    state = await service.open("en", None)
    seq = (await service.accept(state.id, "id-1", "hello")).seq
    await service.ask_for_person(state.id, "id-2")
    assert not await service.bot_says(state.id, (seq, 0), "too late", {})
    await finish(service, state.id, seq)
    roles = [one.role for one in await service.store.messages(state.id, after=1)]
    assert roles == ["customer", "system"]
    assert await service.store.next_turn(state.id) is None


async def test_a_failed_turn_ends_in_a_message_and_a_person(service):
    state = await service.open("en", None)
    seq = (await service.accept(state.id, "id-1", "hello")).seq
    await service.fail_turn(state.id, seq, record={"failure": {"service": "rasa", "code": "slow"}})
    after = await service.store.conversation(state.id)
    assert after is not None
    assert after.mode == "waiting"
    assert (await service.store.messages(state.id, after=seq))[0].role == "system"


async def test_a_restart_closes_and_opens(service):
    state = await service.open("en", None)
    _, fresh = await service.restart(state.id, "id-1")
    assert fresh.id != state.id
    with pytest.raises(ClosedError):
        await service.accept(state.id, "id-2", "hello?")


async def test_nobody_there_is_said(desk, service, clock):
    clock.now = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)  # four in the morning in Shanghai
    state = await service.open("en", None)
    await service.ask_for_person(state.id, "id-1")
    told = (await service.store.messages(state.id))[-1]
    assert "Nobody is at the desk" in told.text
    assert "2 Mar 2026 08:00" in told.text, "in the company's time"
    frame = await service.mode_frame(await desk.state(state.id))
    assert (frame["open"], frame["opens_at"]) == (False, "2026-03-02T00:00:00.000Z")


async def test_place_and_expected_wait_are_said(desk):
    lin = await desk.hire("lin", capacity=1)
    first = await desk.waiting()
    desk.clock.tick(30)
    await desk.cases.take(first.id, "t1", lin)
    desk.clock.tick(600)
    await desk.cases.close(first.id, "c1", lin, outcome="solved", tags=[])
    await desk.held(lin)
    desk.clock.tick(6)
    one, other = await desk.waiting(), await desk.waiting()
    frames = [await desk.service.mode_frame(state) for state in (one, other)]
    # Nobody is free: 15 s to pick up (30 and 0 before), and 600 s of service for each place in the queue.
    assert [(frame["position"], frame["wait_s"]) for frame in frames] == [(1, 615), (2, 1215)]
    assert "Customers ahead of you: 1. The wait is about 20 min." in (await desk.store.messages(other.id))[-1].text


async def test_a_turn_that_was_dropped_stays_silent_when_the_bot_is_back(service):
    state = await service.open("en", None)
    seq = (await service.accept(state.id, "id-1", "hello")).seq
    await service.ask_for_person(state.id, "id-2")
    await service.back_to_bot(state.id, "id-3")
    assert not await service.bot_says(state.id, (seq, 0), "too late", {})
    await finish(service, state.id, seq, escalate={"reason": "policy"})
    assert (await service.store.conversation(state.id)).mode == "bot"


async def test_the_topic_is_what_the_customer_wants_done_and_not_the_wish_for_a_person(desk):
    state = await desk.service.open("en", None)
    await desk.turn(state.id, "my bill is wrong", **intent("dispute_bill"))
    await desk.turn(state.id, "yes", **intent("affirm"))
    await desk.turn(state.id, "person", **intent("talk_to_human"), escalate={"reason": "customer_asked"})
    escalation = await desk.escalation(state.id)
    assert (escalation.topic, escalation.team) == ("dispute_bill", "accounts")
    assert desk.service.company.intents["dispute_bill"].label["en"] in escalation.summary
    assert [one["intent"] for one in escalation.context["understood"]] == ["dispute_bill", "affirm", "talk_to_human"]


async def test_who_asks_for_a_person_in_the_middle_of_an_answer_is_understood_all_the_same(desk):
    state = await desk.service.open("en", None)
    seq = await desk.says(state.id, "my bill is wrong")
    await desk.service.ask_for_person(state.id, "id-2")
    assert (await desk.escalation(state.id)).topic is None
    record = {"decisions": [], "bot": [], **intent("dispute_bill")}
    await desk.service.finish_turn(state.id, seq, record=record, slots={}, locale="en", escalate=None)
    escalation = await desk.escalation(state.id)
    assert escalation.topic == "dispute_bill"
    assert desk.service.company.intents["dispute_bill"].label["en"] in escalation.summary
    assert escalation.context["parse"]["intent"]["name"] == "dispute_bill"
    assert [one["text"] for one in escalation.context["understood"]] == ["my bill is wrong"]
    assert [turn.status for turn in await desk.store.turn_records(state.id)] == ["dropped"]


async def test_an_open_task_is_the_topic(desk):
    state = await desk.service.open("en", None)
    await desk.turn(state.id, "hello", **intent("greet"))
    escalate = {"reason": "customer_asked", "context": {"task": {"skill": "change_plan", "args": {}}}}
    await desk.turn(state.id, "person", **intent("talk_to_human"), escalate=escalate)
    assert (await desk.escalation(state.id)).topic == "change_plan"


async def test_a_diagnosis_goes_to_the_team_of_its_skill(desk):
    state = await desk.service.open("zh", None)
    report = {
        "symptom": "电视没有画面",
        "symptom_id": "tv_no_picture",
        "skill": "tv_support",
        "hypotheses": [{"id": "hdmi_loose", "fault": "HDMI 线松了", "probability": 0.62}],
        "checks": [{"id": "check_cable", "check": "看线", "outcome": "松"}],
        "fixes": [],
    }
    escalate = {"reason": "diagnosis_exhausted", "context": {"diagnosis": report}}
    await desk.turn(state.id, "还是黑屏", **intent("fault_tv"), escalate=escalate)
    escalation = await desk.escalation(state.id)
    assert (escalation.skill, escalation.team, escalation.topic) == ("tv_support", "network", "fault_tv")
    assert "HDMI 线松了（62%）" in escalation.summary


async def test_a_customer_who_leaves_a_diagnosis_takes_its_report_along(desk):
    state = await desk.service.open("zh", None)
    report = {
        "symptom": "手机上不了网",
        "hypotheses": [{"id": "apn", "fault": "APN 不对", "probability": 0.4}],
        "checks": [],
    }
    async with desk.store.write() as tx:
        await tx.set(state.id, slots={"dialogue": None, "diagnosis": {"engine": {}, "report": report}})
    await desk.service.ask_for_person(state.id, "k1")
    escalation = await desk.escalation(state.id)
    assert escalation.context["diagnosis"] == report
    assert "APN 不对（40%）" in escalation.summary


async def test_contact_details_are_kept_and_repeated(desk):
    state = await desk.waiting()
    await desk.service.leave_contact(state.id, "k1", {"email": "a@example.com"}, "a@example.com")
    again = await desk.service.leave_contact(state.id, "k1", {"email": "a@example.com"}, "a@example.com")
    messages = await desk.store.messages(state.id)
    assert again == messages[-1].seq
    assert "a@example.com" in messages[-1].text
    assert (await desk.state(state.id)).contact == {"email": "a@example.com"}
    assert [one["contact"] for one in await desk.events("contact")] == [{"email": "a@example.com"}]
