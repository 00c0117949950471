"""What people at the desk do: taking, passing on, putting aside, answering, ending, giving back."""

import asyncio
from datetime import timedelta

import pytest

from server.gateway.casework import RefusedError, TakenError
from server.gateway.modes import NotPossibleError
from tests.support.floor import Bench, OneGeneration, bench, intent, turn_runner


@pytest.fixture
async def desk(tmp_path, database_url):
    async with bench(tmp_path, url=database_url) as made:
        yield made


@pytest.fixture
async def lin(desk: Bench):
    return await desk.hire("lin")


@pytest.fixture
async def chen(desk: Bench):
    return await desk.hire("chen")


@pytest.fixture
async def boss(desk: Bench):
    return await desk.hire("boss", "supervisor")


async def test_two_who_take_at_the_same_moment_one_wins(desk, lin, chen):
    state = await desk.waiting()
    results = await asyncio.gather(
        *(desk.cases.take(state.id, f"t-{who.username}", who) for who in (lin, chen)), return_exceptions=True
    )
    assert sum(isinstance(one, int) for one in results) == 1
    refused = next(one for one in results if isinstance(one, TakenError))
    holder = (await desk.state(state.id)).agent
    assert refused.by == holder.title()
    loser = chen if holder == "lin" else lin
    with pytest.raises(TakenError):
        await desk.answers(state.id, loser)


async def test_what_nobody_waits_for_is_not_taken(desk, lin):
    state = await desk.service.open("en", None)
    with pytest.raises(NotPossibleError):
        await desk.cases.take(state.id, "t1", lin)


async def test_taking_over_from_the_bot_silences_it(desk, lin):
    state = await desk.service.open("en", None)
    seq = await desk.says(state.id)
    await desk.cases.take(state.id, "t1", lin, over=True)
    assert not await desk.service.bot_says(state.id, (seq, 0), "too late", {})
    assert await desk.store.next_turn(state.id) is None
    assert (await desk.escalation(state.id)).reason == "taken_over"
    assert [one["type"] for one in await desk.events()] == ["escalation", "taken"]


async def test_only_who_leads_takes_over_from_a_colleague(desk, lin, chen, boss):
    state = await desk.held(lin)
    with pytest.raises(TakenError):
        await desk.cases.take(state.id, "t1", chen, over=True)
    await desk.cases.take(state.id, "t2", boss, over=True)
    assert (await desk.state(state.id)).agent == "boss"
    assert (await desk.events("taken"))[-1]["from"] == "lin"
    with pytest.raises(TakenError):
        await desk.answers(state.id, lin)


async def test_the_same_action_is_done_once(desk, lin):
    state = await desk.held(lin)
    before = len(await desk.events())
    first = await desk.cases.close(state.id, "c1", lin, outcome="solved", tags=[])
    with pytest.raises(NotPossibleError):
        await desk.cases.close(state.id, "c2", lin, outcome="solved", tags=[])
    assert first == (await desk.events())[-1]["event"]
    assert len(await desk.events()) == before + 1


async def test_a_repeated_message_is_one_message(desk, lin):
    state = await desk.held(lin)
    from server.gateway.casework import Answer

    first = await desk.cases.say(state.id, "m1", lin, Answer("hello"), 1)
    again = await desk.cases.say(state.id, "m1", lin, Answer("hello"), 1)
    assert first[1] == again[1]
    assert [one.role for one in await desk.store.messages(state.id)].count("agent") == 1


# ------------------------------------------------------------------ passing on


async def test_a_transfer_to_a_team_waits_again_in_its_old_place(desk, lin):
    state = await desk.held(lin)
    since = (await desk.escalation(state.id)).since
    desk.clock.tick(100)
    await desk.cases.transfer(state.id, "x1", lin, agent=None, team="network", note="the fibre is broken")
    escalation = await desk.escalation(state.id)
    assert (escalation.state, escalation.team, escalation.agent, escalation.since) == (
        "waiting",
        "network",
        None,
        since,
    )
    assert "Broadband and network" in (await desk.store.messages(state.id))[-1].text
    kinds = [one["type"] for one in await desk.events()][-2:]
    assert kinds == ["transferred", "message"]
    assert (await desk.events())[-1]["text"] == "the fibre is broken"
    frame = await desk.service.mode_frame(await desk.state(state.id))
    assert frame["team"] == "Broadband and network"


async def test_a_transfer_to_a_colleague_asks_that_colleague(desk, lin, chen):
    state = await desk.held(lin)
    await desk.cases.transfer(state.id, "x1", lin, agent="chen", team=None, note="")
    assert (await desk.escalation(state.id)).assignee == "chen"
    assert "Chen" in (await desk.store.messages(state.id))[-1].text
    assert (await desk.service.mode_frame(await desk.state(state.id)))["agent"] == "Chen"
    assert [(one["agent"], one["why"]) for one in await desk.events("assigned")] == [("chen", "transfer")]
    await desk.dispatcher.look()
    desk.clock.tick(46)
    await desk.dispatcher.look()
    assert (await desk.escalation(state.id)).assignee is None, "chen did not answer, lin passed it on"
    desk.clock.tick(120)
    await desk.dispatcher.look()
    assert (await desk.escalation(state.id)).assignee is not None


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ({"agent": "gone", "team": None}, "not_available"),
        ({"agent": "nobody", "team": None}, "not_available"),
        ({"agent": "lin", "team": None}, "bad_value"),
        ({"agent": None, "team": "cooks"}, "bad_value"),
        ({"agent": None, "team": None}, "bad_value"),
    ],
)
async def test_a_transfer_needs_somebody_who_is_there(desk, lin, to, code):
    await desk.hire("gone", here=False)
    state = await desk.held(lin)
    with pytest.raises(RefusedError) as error:
        await desk.cases.transfer(state.id, "x1", lin, note="", **to)
    assert error.value.code == code
    assert (await desk.state(state.id)).agent == "lin"


async def test_a_released_conversation_is_not_given_back_to_who_released_it(desk, lin, chen):
    state = await desk.held(lin)
    await desk.cases.release(state.id, "r1", lin)
    await desk.dispatcher.look()
    assert (await desk.escalation(state.id)).assignee == "chen"


# ------------------------------------------------------------------ later


async def test_a_snooze_wakes_when_its_time_comes(desk, lin):
    state = await desk.held(lin)
    await desk.answers(state.id, lin)
    await desk.cases.snooze(state.id, "s1", lin, desk.clock() + timedelta(hours=1))
    await desk.dispatcher.look()
    assert (await desk.escalation(state.id)).state == "snoozed"
    desk.clock.tick(3600)
    await desk.dispatcher.look()
    assert (await desk.escalation(state.id)).state == "assigned"
    assert [one["why"] for one in await desk.events("woken")] == ["time"]


async def test_a_snooze_wakes_when_the_customer_writes(desk, lin):
    state = await desk.held(lin)
    await desk.cases.snooze(state.id, "s1", lin, desk.clock() + timedelta(hours=1))
    await desk.says(state.id, "it came back")
    escalation = await desk.escalation(state.id)
    assert (escalation.state, escalation.agent) == ("assigned", "lin")
    assert [one["why"] for one in await desk.events("woken")] == ["customer"]


async def test_a_snooze_is_ended_by_hand(desk, lin):
    state = await desk.held(lin)
    with pytest.raises(RefusedError):
        await desk.cases.wake(state.id, "w0", lin)
    await desk.cases.snooze(state.id, "s1", lin, desk.clock() + timedelta(hours=1))
    await desk.cases.wake(state.id, "w1", lin)
    assert (await desk.escalation(state.id)).state == "assigned"


@pytest.mark.parametrize("ahead", [timedelta(seconds=-1), timedelta(0), timedelta(days=31)])
async def test_a_snooze_ends_in_the_future(desk, lin, ahead):
    state = await desk.held(lin)
    with pytest.raises(RefusedError) as error:
        await desk.cases.snooze(state.id, "s1", lin, desk.clock() + ahead)
    assert error.value.code == "bad_value"


# ------------------------------------------------------------------ the end, and again


async def test_a_closed_conversation_is_opened_again(desk, lin, chen):
    state = await desk.held(lin)
    await desk.cases.close(state.id, "c1", lin, outcome="solved", tags=["fibre"])
    assert (await desk.service.mode_frame(await desk.state(state.id)))["rate"] is True
    await desk.cases.reopen(state.id, "o1", chen)
    after = await desk.state(state.id)
    assert (after.mode, after.agent) == ("human", "chen")
    assert (await desk.escalation(state.id)).reason == "reopened"
    await desk.answers(state.id, chen)
    await desk.says(state.id, "thanks")


async def test_a_rating_counts_for_who_served(desk, lin):
    state = await desk.held(lin)
    await desk.cases.close(state.id, "c1", lin, outcome="solved", tags=[])
    await desk.service.feedback(state.id, "f1", solved=True)
    await desk.service.feedback(state.id, "f2", score=5, comment="kind")
    await desk.service.feedback(state.id, "f2", score=1)
    escalation = await desk.escalation(state.id)
    assert (escalation.score, escalation.solved) == (5, True)
    assert [one["score"] for one in await desk.events("rated")] == [None, 5]
    assert (await desk.service.mode_frame(await desk.state(state.id)))["rate"] is False


# ------------------------------------------------------------------ back to the bot


async def test_back_to_the_bot_and_on(desk, lin):
    state = await desk.held(lin)
    await desk.cases.hand_back(state.id, "b1", lin)
    after = await desk.state(state.id)
    assert (after.mode, after.agent) == ("bot", None)
    assert await desk.store.open_escalation(state.id) is None
    assert await desk.store.next_turn(state.id) is None, "the bot waits for the customer's words"


async def test_back_to_the_bot_with_a_starting_point(desk, lin):
    state = await desk.held(lin)
    await desk.cases.hand_back(state.id, "b1", lin, "check_bill")
    turn = await desk.store.next_turn(state.id)
    assert turn is not None
    message = await desk.store.message(state.id, turn.seq)
    assert (message.role, message.extra["_value"]) == ("system", "/check_bill")


async def test_the_bot_goes_on_where_it_was_interrupted(desk, lin):
    from actions.state import Expect, State, Task

    state = await desk.service.open("en", None)
    asking = State(task=Task("change_plan", {"plan": "max"}), expect=Expect("plan", misses=2), clarify=2)
    slots = {"awaiting": True, "dialogue": asking.to_json(), "diagnosis": None}
    await desk.turn(state.id, "another plan", slots=slots, **intent("change_plan"))
    lost = State(customer="C-1001").to_json()
    escalate = {"reason": "repeated_failure"}
    await desk.turn(state.id, "hm", slots={"awaiting": False, "dialogue": lost}, escalate=escalate)
    await desk.cases.take(state.id, "t1", lin)
    await desk.cases.hand_back(state.id, "b1", lin, "continue")
    after = (await desk.state(state.id)).slots
    resumed = State.from_json(after["dialogue"])
    assert resumed.task == Task("change_plan", {"plan": "max"})
    assert (resumed.expect.kind, resumed.expect.misses, resumed.clarify) == ("plan", 0, 0)
    assert (resumed.customer, after["awaiting"]) == ("C-1001", True)
    turn = await desk.store.next_turn(state.id)
    assert (await desk.store.message(state.id, turn.seq)).extra["_value"] == "/repeat"


@pytest.mark.parametrize(
    ("to", "code"), [("nonsense", "bad_value"), ("talk_to_human", "bad_value"), ("continue", "not_possible")]
)
async def test_a_starting_point_exists(desk, lin, to, code):
    state = await desk.held(lin)
    with pytest.raises(RefusedError) as error:
        await desk.cases.hand_back(state.id, "b1", lin, to)
    assert error.value.code == code
    assert (await desk.state(state.id)).mode == "human"


async def test_the_bot_does_not_hand_over_again_at_once_for_the_same_reason(desk, lin):
    state = await desk.service.open("en", None)
    await desk.turn(state.id, "refund", escalate={"reason": "policy"})
    await desk.cases.take(state.id, "t1", lin)
    await desk.cases.hand_back(state.id, "b1", lin)
    await desk.says(state.id, "refund")
    assert await desk.service.handed_back_lately(state.id, "policy")
    assert not await desk.service.handed_back_lately(state.id, "low_confidence")
    assert not await desk.service.handed_back_lately(state.id, "safety")
    for text in ("a", "b", "c"):
        await desk.turn(state.id, text)
    assert not await desk.service.handed_back_lately(state.id, "policy"), "it is a new matter by now"


async def test_who_went_back_by_themselves_may_be_handed_over_again(desk):
    state = await desk.service.open("en", None)
    await desk.turn(state.id, "refund", escalate={"reason": "policy"})
    await desk.service.back_to_bot(state.id, "b1")
    await desk.says(state.id, "refund")
    assert not await desk.service.handed_back_lately(state.id, "policy")


class Rasa(OneGeneration):
    """The two services behind a turn, on this side of the wire: what they answer is the test's."""

    def __init__(self, *lines) -> None:
        self.lines = lines

    async def healthy(self):
        return {"models": True, "rasa": True}

    async def parse(self, text, locale, *, new=None):
        return intent("dispute_bill")["parse"]

    async def run_turn(self, turn):
        for line in (*self.lines, {"type": "end", "slots": {}, "paused": False, "ms": 1}):
            yield line


async def test_an_offer_takes_the_place_of_a_second_hand_over(desk, lin):
    state = await desk.service.open("en", None)
    await desk.turn(state.id, "refund", escalate={"reason": "policy"})
    await desk.cases.take(state.id, "t1", lin)
    await desk.cases.hand_back(state.id, "b1", lin)
    rasa = Rasa({"type": "bot", "key": "escalate.policy", "escalate": {"reason": "policy"}})
    runner = turn_runner(desk, rasa)
    await runner.start()
    await desk.says(state.id, "refund")
    runner.wake(state.id)
    await runner.idle(state.id)
    await runner.close()
    last = (await desk.store.messages(state.id))[-1]
    assert "A colleague has just looked at this" in last.text
    assert last.extra["choices"][0]["value"] == "/talk_to_human"
    assert (await desk.state(state.id)).mode == "bot"


# ------------------------------------------------------------------ two who answer at once


async def test_an_answer_that_was_overtaken_is_refused(desk, lin, boss):
    state = await desk.held(lin)
    seen = (await desk.state(state.id)).last_seq
    await desk.answers(state.id, lin, "mine", seen=seen)
    await desk.cases.take(state.id, "t1", boss, over=True)
    with pytest.raises(RefusedError) as error:
        await desk.answers(state.id, boss, "mine too", seen=seen)
    assert (error.value.code, error.value.by) == ("overtaken", "Lin")
    await desk.answers(state.id, boss, "mine too", seen=seen, force=True)


async def test_what_another_window_writes_holds_back(desk, lin):
    state = await desk.held(lin)
    desk.cases.drafts.write(state.id, "lin", "Lin", 1, "Dear cust")
    with pytest.raises(RefusedError) as error:
        await desk.answers(state.id, lin, "hi", window=2)
    assert (error.value.code, error.value.by) == ("writing", "Lin")
    await desk.answers(state.id, lin, "Dear customer", window=1)
    await desk.answers(state.id, lin, "hi", window=2)


async def test_a_window_that_hangs_holds_nobody_back(desk, lin):
    state = await desk.held(lin)
    desk.cases.drafts.write(state.id, "lin", "Lin", 1, "Dear cust")
    desk.clock.tick(16)
    await desk.answers(state.id, lin, "hi", window=2)


# ------------------------------------------------------------------ lessons


async def test_a_wrong_bot_message_is_kept_for_review(desk, lin):
    from server.gateway.reviews import Reviews

    state = await desk.service.open("en", None)
    seq = await desk.says(state.id, "the box is dead, call 13800138000")
    await desk.service.bot_says(state.id, (seq, 0), "Here are our plans", {})
    await desk.service.finish_turn(
        state.id, seq, record=intent("list_plans", 0.7), slots={}, locale="en", escalate=None
    )
    await desk.cases.mark(state.id, "k1", lin, seq=seq + 1, intent="list_plans", comment="")
    await desk.cases.mark(state.id, "k2", lin, seq=seq + 1, intent="fault_tv", comment="the TV box of Mr Chen")
    (entry,) = await Reviews(desk.store).page("open", limit=10, before=None)
    assert (entry["text"], entry["bot_text"]) == ("the box is dead, call <PHONE>", "Here are our plans")
    assert entry["comment"] == "the TV box of Mr <NAME>"
    assert (entry["intent"], entry["understood"]) == ("fault_tv", {"name": "list_plans", "confidence": 0.7})
    assert await Reviews(desk.store).settle(entry["id"], "done")
    assert await Reviews(desk.store).page("open", limit=10, before=None) == []


@pytest.mark.parametrize(("seq", "name"), [(2, None), (99, None), (1, "no_such_intent")])
async def test_only_bot_messages_are_marked(desk, lin, seq, name):
    state = await desk.service.open("en", None)
    await desk.says(state.id)
    with pytest.raises(RefusedError) as error:
        await desk.cases.mark(state.id, "k1", lin, seq=seq, intent=name, comment="")
    assert error.value.code == "bad_value"


async def test_a_notice_reaches_staff_and_not_the_customer(desk, lin):
    state = await desk.waiting()
    before = len(await desk.store.messages(state.id))
    await desk.cases.note(state.id, "n1", lin, "calls often")
    assert len(await desk.store.messages(state.id)) == before
    assert [one["text"] for one in await desk.events("message")] == ["calls often"]
