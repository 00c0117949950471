"""The service on a real database: what is stored, who may speak, and what a crash leaves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.company import Company
from server.gateway.conversations import ClosedError, Conversations, TakenError, mean_wait_s
from server.gateway.hub import Hub, Subscription
from server.gateway.modes import NotPossibleError
from server.gateway.presence import Presence
from server.settings import ROOT
from server.storage.database import create_engine, migrate
from server.storage.store import Store

START = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a Monday noon in Shanghai


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def service(tmp_path: Path, clock: Clock):
    engine = create_engine(f"sqlite+aiosqlite:///{tmp_path / 'kefu.db'}")
    await migrate(engine)
    store = Store(engine, clock)
    yield Conversations(store=store, hub=Hub(), company=Company.load(ROOT / "demo"), presence=Presence(), clock=clock)
    await store.close()


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


async def test_two_agents_take_and_one_wins(service):
    state = await service.open("zh", None)
    await service.ask_for_person(state.id, "id-1")
    await service.take(state.id, "t1", "lin", "Lin")
    with pytest.raises(TakenError) as error:
        await service.take(state.id, "t2", "chen", "Chen")
    assert error.value.by == "lin"
    with pytest.raises(TakenError):
        await service.agent_says(state.id, "m1", "chen", "Chen", "hello")


async def test_hand_over_and_back(service):
    state = await service.open("en", None)
    seq = (await service.accept(state.id, "id-1", "refund now")).seq
    await finish(service, state.id, seq, escalate={"reason": "policy", "suggestion": "Offer a call"})
    escalation = await service.store.open_escalation(state.id)
    assert escalation is not None
    assert (escalation.reason, escalation.context["suggestion"]) == ("policy", "Offer a call")
    assert "refund now" in escalation.summary
    await service.take(state.id, "t1", "lin", "Lin")
    await service.agent_says(state.id, "m1", "lin", "Lin", "Hello, Lin here")
    await service.hand_back(state.id, "r1", "lin")
    after = await service.store.conversation(state.id)
    assert after is not None
    assert (after.mode, after.agent) == ("bot", None)
    assert await service.store.open_escalation(state.id) is None
    seqs = [one.seq for one in await service.store.messages(state.id)]
    assert seqs == list(range(1, len(seqs) + 1))


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


async def test_the_queue_moves(service, clock):
    states = [await service.open("en", None) for _ in range(3)]
    for index, state in enumerate(states):
        clock.now += timedelta(seconds=1)
        await service.ask_for_person(state.id, f"id-{index}")
    queue = Subscription()
    with service.hub.follow(f"c:{states[2].id}", queue):
        await service.take(states[0].id, "t1", "lin", "Lin")
        frame = await queue.get()
    assert (frame["mode"], frame["position"]) == ("waiting", 2)


async def test_a_notice_reaches_staff_and_not_the_customer(service):
    state = await service.open("en", None)
    await service.ask_for_person(state.id, "id-1")
    before = len(await service.store.messages(state.id))
    await service.note(state.id, "n1", "Lin", "calls often")
    assert len(await service.store.messages(state.id)) == before
    assert [one["text"] for one in await service.store.desk_events(after=0) if one.get("role") == "note"] == [
        "calls often"
    ]


async def test_an_agent_cannot_take_what_nobody_waits_for(service):
    state = await service.open("en", None)
    with pytest.raises(NotPossibleError):
        await service.take(state.id, "t1", "lin", "Lin")


async def test_nobody_there_is_said(service, clock):
    clock.now = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)  # four in the morning in Shanghai
    state = await service.open("en", None)
    await service.ask_for_person(state.id, "id-1")
    told = (await service.store.messages(state.id))[-1]
    assert "Nobody is at the desk" in told.text


def test_the_mean_wait():
    assert mean_wait_s([]) is None
    assert mean_wait_s([("2026-01-01T00:00:00.000Z", "2026-01-01T00:01:00.000Z")]) == 60
