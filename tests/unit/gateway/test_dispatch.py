"""The dispatcher on a real database: who is asked, what comes back, what a restart leaves, what customers are told."""

import pytest

from server.gateway.presence import Presence
from tests.support.floor import Bench, bench, intent


@pytest.fixture
async def desk(tmp_path, database_url):
    async with bench(tmp_path, url=database_url) as made:
        yield made


async def asked(desk: Bench, conversation: str) -> str | None:
    await desk.dispatcher.look()
    return (await desk.escalation(conversation)).assignee


async def test_a_waiting_conversation_is_offered_and_goes_to_the_next(desk):
    await desk.hire("lin")
    await desk.hire("chen")
    state = await desk.waiting()
    first = await asked(desk, state.id)
    desk.clock.tick(46)
    assert {first, await asked(desk, state.id)} == {"lin", "chen"}
    assert [one["why"] for one in await desk.events("released")] == ["no_answer"]


async def test_anybody_may_take_what_somebody_else_is_asked(desk):
    lin, chen = await desk.hire("lin"), await desk.hire("chen", here=False)
    state = await desk.waiting()
    assert await asked(desk, state.id) == lin.username
    await desk.cases.take(state.id, "t1", chen)
    assert (await desk.escalation(state.id)).assignee is None


async def test_a_returning_customer_meets_the_same_person(desk):
    await desk.hire("lin")
    chen = await desk.hire("chen")
    first = await desk.waiting(customer="C-1001")
    await desk.cases.take(first.id, "t1", chen)
    await desk.cases.close(first.id, "c1", chen, outcome="solved", tags=[])
    await desk.held(chen)
    again = await desk.waiting(customer="C-1001")
    assert await asked(desk, again.id) == "chen"


async def test_who_crashes_loses_what_waits_for_an_answer(desk):
    lin = await desk.hire("lin")
    unanswered, answered = await desk.held(lin), await desk.held(lin)
    await desk.answers(answered.id, lin)
    desk.service.presence.leave("lin")
    desk.clock.tick(29)
    await desk.dispatcher.look()
    assert (await desk.state(unanswered.id)).mode == "human", "a reload of the page takes a moment"
    desk.clock.tick(1)
    await desk.dispatcher.look()
    assert (await desk.state(unanswered.id)).mode == "waiting"
    assert (await desk.state(answered.id)).agent == "lin"
    await desk.says(answered.id, "one more thing")
    await desk.dispatcher.look()
    assert (await desk.state(answered.id)).mode == "waiting"
    assert "step away" in (await desk.store.messages(answered.id))[-1].text


async def test_who_takes_and_says_nothing_is_relieved(desk):
    lin = await desk.hire("lin")
    state = await desk.held(lin)
    desk.clock.tick(180)
    await desk.dispatcher.look()
    assert (await desk.state(state.id)).mode == "waiting"


async def test_after_a_restart_people_have_a_moment_to_come_back(desk):
    lin = await desk.hire("lin")
    kept, lost = await desk.held(lin), await desk.waiting()
    desk.service.presence = desk.service.floor.presence = Presence(desk.clock)
    await desk.dispatcher.look()
    assert (await desk.state(kept.id)).agent == "lin"
    desk.service.presence.arrive("lin")
    desk.clock.tick(60)
    await desk.dispatcher.look()
    assert (await desk.state(kept.id)).agent == "lin"
    assert (await desk.escalation(lost.id)).assignee == "lin"


async def test_the_backlog_is_assigned_when_somebody_comes(desk):
    states = [await desk.waiting() for _ in range(3)]
    await desk.dispatcher.look()
    assert await desk.events("assigned") == []
    await desk.hire("lin", capacity=2)
    await desk.dispatcher.look()
    assert [one["conversation"] for one in await desk.events("assigned")] == [states[0].id, states[1].id]


async def test_a_team_and_a_language_decide(desk):
    await desk.hire("wang", teams=["network"], languages=["zh"])
    await desk.hire("emma", teams=["accounts"], languages=["en", "zh"])
    state = await desk.service.open("zh", None)
    await desk.turn(state.id, "宽带坏了", **intent("fault_broadband"), escalate={"reason": "policy"})
    assert await asked(desk, state.id) == "wang"
    english = await desk.waiting("en")
    assert await asked(desk, english.id) == "emma"


async def test_customers_are_told_when_something_changes_for_them_and_only_then(desk):
    first, second = await desk.waiting(), await desk.waiting()
    queue = desk.follow(second.id)
    await desk.dispatcher.look()
    assert (await queue.get())["position"] == 2
    await desk.dispatcher.look()
    lin = await desk.hire("lin")
    await desk.dispatcher.look()
    told = await queue.get()
    assert (told["position"], told["agent"]) == (2, "Lin")
    await desk.cases.take(first.id, "t1", lin)
    await desk.dispatcher.look()
    assert (await queue.get())["position"] == 1
    assert queue._queue.empty()


async def test_receipts_are_written(desk):
    state = await desk.waiting()
    desk.service.receipts.got(state.id, 2)
    desk.service.receipts.read(state.id, 1)
    await desk.service.receipts.write(desk.store)
    after = await desk.state(state.id)
    assert (after.customer_got, after.customer_read) == (2, 1)
    assert desk.service.receipts.pending(state.id) == (0, 0)


async def test_receipts_are_seen_while_they_are_written(desk):
    state = await desk.waiting()
    receipts = desk.service.receipts
    receipts.got(state.id, 2)

    class WrittenMeanwhile:
        async def conversation(self, conversation):
            before = await desk.store.conversation(conversation)
            await receipts.write(desk.store)
            return before

    assert await receipts.reached(WrittenMeanwhile(), state.id) == (2, 0)
    assert await receipts.reached(desk.store, state.id) == (2, 0)
