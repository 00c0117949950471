"""What several gateways agree on: events in order, one runner for a turn, who is there, shared rates."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from server.addresses import HANGS_AFTER, HANGS_LONGEST_S, HANGS_S, RESTS_S, Addresses, addresses
from server.gateway.conversations import DESK
from server.gateway.hub import Subscription
from server.gateway.limits import SharedLimiter
from server.gateway.live import Live
from server.gateway.presence import Presence
from server.gateway.replicas import Replicas
from server.storage.store import DEAD_AFTER_S, epoch_now
from server.storage.tables import gateways
from tests.support.floor import START, Bench, bench


@pytest.fixture
async def shared(tmp_path, postgres):
    """A floor on PostgreSQL, which any number of gateways may share."""
    url = postgres.database()
    async with bench(tmp_path, url=url) as made:
        yield made
    postgres.drop(url)


async def test_the_desks_events_are_handed_out_by_their_numbers(tmp_path):
    async with bench(tmp_path) as desk:
        live = Live(desk.service, desk.cases.drafts, "", b"key")
        await live.start()
        state = await desk.service.open("en", None)
        queue = Subscription()
        with desk.service.hub.follow(DESK, queue):
            async with desk.store.write() as tx:
                first, second, third = [await tx.add_event(state.id, {"type": "contact", "n": n}) for n in range(3)]
            for event in (third, first, second, third):
                desk.service.hub.publish(DESK, event)
            got = [(await queue.get())["event"] for _ in range(3)]
            assert got == [first["event"], second["event"], third["event"]]
            desk.service.hub.publish(DESK, second)
            assert queue._queue.empty()
        await live.close()


async def gateway_of(desk: Bench, presence: Presence | None = None) -> Replicas:
    made = Replicas(desk.store, presence or Presence(desk.clock), lambda: None)
    await made.beat()
    return made


async def dies(desk: Bench, gateway: Replicas) -> None:
    """Its last beat is further back than the living ones'."""
    async with desk.store.write() as tx:
        late = epoch_now() - DEAD_AFTER_S - 1
        await tx.execute(update(gateways).where(gateways.c.id == gateway.id).values(beat=late))


async def test_a_turn_is_run_by_one_gateway_and_taken_over_from_a_dead_one(shared):
    one, two = await gateway_of(shared), await gateway_of(shared)
    state = await shared.service.open("en", None)
    seq, later = await shared.says(state.id), await shared.says(state.id)
    mine = await shared.store.next_turn(state.id, one.id)
    assert mine is not None
    assert mine.seq == seq
    assert await shared.store.next_turn(state.id, two.id) is None, "nor the one after it"
    assert await shared.store.unfinished(two.id) == [state.id], "the one after it is nobody's"
    await dies(shared, one)
    taken = await shared.store.next_turn(state.id, two.id)
    assert taken is not None
    assert taken.seq == seq
    record = {"parse": {}, "decisions": [], "by": "two"}
    await shared.service.finish_turn(state.id, seq, record=record, slots={}, locale="en", escalate=None)
    # The one that was taken for dead was only slow.
    await shared.service.drop_turn(state.id, seq, {"by": "one"})
    (kept, waiting) = await shared.store.turn_records(state.id)
    assert (kept.status, kept.record["by"]) == ("done", "two")
    assert (waiting.seq, waiting.status) == (later, "pending")


async def test_people_are_seen_at_every_gateway_until_theirs_dies(shared):
    here, there = Presence(shared.clock), Presence(shared.clock)
    one, two = await gateway_of(shared, here), await gateway_of(shared, there)
    here.arrive("lin")
    here.set("lin", "busy")
    await one.beat()
    await two.beat()
    assert there.state("lin") == "busy"
    shared.clock.tick(5)
    there.arrive("lin")
    assert there.state("lin") == "busy", "a second window says nothing new"
    there.set("lin", "online")
    await two.beat()
    await one.beat()
    assert (here.state("lin"), dict(here.states())) == ("online", {"lin": "online"})
    await dies(shared, two)
    await one.beat()
    assert here.state("lin") == "busy", "the window at the living gateway is still open"
    here.leave("lin")
    await one.beat()
    assert here.state("lin") == "offline"
    assert here.left_at(["lin"])["lin"] == START + timedelta(seconds=5)


async def test_the_oldest_living_gateway_dispatches(shared):
    one, two = await gateway_of(shared), await gateway_of(shared)
    assert (one.leads, two.leads) == (True, False)
    await dies(shared, one)
    await two.beat()
    assert two.leads
    await one.beat()
    await two.beat()
    assert (one.leads, two.leads) == (True, False)
    await one.close()
    await two.beat()
    assert two.leads


async def test_a_shared_rate_falls_back_to_each_gateways_own():
    answers: list[bool | None] = [True, None, None, False]

    async def together(_key: str, _burst: int, _rate: float) -> bool | None:
        return answers.pop(0)

    limiter = SharedLimiter("login", together, burst=2, per_second=0.1, clock=lambda: 0.0)
    assert [await limiter.allow("a") for _ in range(3)] == [True, True, False], "what was allowed together counts too"
    assert not await limiter.allow("b")


def test_addresses_are_asked_in_turn_and_one_that_failed_last():
    seconds = [0.0]
    both = Addresses(["http://a/", "http://b"], lambda: seconds[0])
    assert [both.order()[0] for _ in range(3)] == ["http://a", "http://b", "http://a"]
    assert both.order("session")[0] == both.order("session")[0]
    both.failed("http://a")
    assert [both.order() for _ in range(2)] == [["http://b", "http://a"]] * 2
    assert both.resting() == ["http://a"]
    seconds[0] += RESTS_S
    assert {both.order()[0] for _ in range(2)} == {"http://a", "http://b"}
    assert addresses(" http://a , http://b/", "http://c") == ("http://a", "http://b")
    assert addresses("", "http://c") == ("http://c",)


def test_who_hangs_is_spared_until_one_call_finds_out() -> None:
    seconds = [0.0]
    one = Addresses(["http://a"], lambda: seconds[0])
    for _ in range(HANGS_AFTER):
        assert one.may_be_asked()
        one.hung("http://a")
    assert not one.may_be_asked()
    seconds[0] += HANGS_S
    assert one.may_be_asked()
    assert not one.may_be_asked()  # one at a time
    one.gave_up()
    assert one.may_be_asked()
    one.hung("http://a")
    seconds[0] += HANGS_S
    assert not one.may_be_asked()  # longer from time to time
    seconds[0] += HANGS_LONGEST_S
    assert one.may_be_asked()
    one.answers("http://a")
    assert one.may_be_asked()
    assert one.may_be_asked()


def test_who_is_not_there_costs_no_wait_and_is_asked_again() -> None:
    one = Addresses(["http://a"], lambda: 0.0)
    for _ in range(HANGS_AFTER * 2):
        assert one.may_be_asked()
        one.failed("http://a")
    assert one.may_be_asked()
