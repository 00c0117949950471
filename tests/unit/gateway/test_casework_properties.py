"""Any course of events at the desk, on a real database: people, customers, the bot and the clock, in any order."""

import asyncio
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.gateway.casework import RefusedError
from server.gateway.conversations import ClosedError
from server.gateway.modes import NotPossibleError
from tests.support.floor import bench

PEOPLE = ("lin", "chen", "boss")
AGREES = {
    ("bot", None), ("bot", "closed"), ("waiting", "waiting"), ("human", "assigned"), ("human", "snoozed"),
    ("closed", None), ("closed", "closed"),
}  # fmt: skip
"""A conversation's mode with the state of its newest escalation."""


class Desk(RuleBasedStateMachine):
    """Three people, three customers, and nobody who keeps to any order."""

    which = st.integers(0, 2)
    who = st.sampled_from(PEOPLE)

    @initialize()
    def open_the_desk(self):
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.context = bench(Path(self.folder.name))
        self.desk = self.run(self.context.__aenter__())
        self.accounts = {}
        for name in PEOPLE:
            role = "supervisor" if name == "boss" else "agent"
            self.accounts[name] = self.run(self.desk.hire(name, role, capacity=2))
        self.talks = [self.run(self.desk.service.open("en", None)).id for _ in range(3)]

    def run(self, work):
        return self.loop.run_until_complete(work)

    def teardown(self):
        if hasattr(self, "context"):
            self.run(self.context.__aexit__(None, None, None))
            self.loop.close()
            self.folder.cleanup()

    def attempt(self, work):
        """What does not fit is refused, and a refusal changes nothing."""
        before = self.run(self.desk.store.last_event())
        try:
            self.run(work)
        except (RefusedError, NotPossibleError, ClosedError):
            assert self.run(self.desk.store.last_event()) == before

    @rule(which=which)
    def ask_for_a_person(self, which):
        self.attempt(self.desk.service.ask_for_person(self.talks[which], self.desk.id()))

    @rule(which=which)
    def go_back_to_the_bot(self, which):
        self.attempt(self.desk.service.back_to_bot(self.talks[which], self.desk.id()))

    @rule(which=which)
    def write(self, which):
        self.attempt(self.desk.says(self.talks[which]))

    @rule(which=which, escalate=st.booleans())
    def the_bot_answers_at_last(self, which, escalate):
        talk = self.talks[which]
        state = self.run(self.desk.state(talk))
        turn = self.run(self.desk.store.next_turn(talk))
        seq = turn.seq if turn else state.last_seq
        said = self.run(self.desk.service.bot_says(talk, (seq, 0), "an answer", {}))
        assert not said or (state.mode == "bot" and turn is not None)
        asked = {"reason": "policy"} if escalate else None
        finish = self.desk.service.finish_turn(
            talk, seq, record={"parse": {}, "decisions": []}, slots={}, locale="en", escalate=asked
        )
        self.run(finish)
        after = self.run(self.desk.state(talk))
        assert after.mode == ("waiting" if escalate and turn and state.mode == "bot" else state.mode)

    @rule(which=which, who=who, over=st.booleans())
    def take(self, which, who, over):
        self.attempt(self.desk.cases.take(self.talks[which], self.desk.id(), self.accounts[who], over=over))

    @rule(which=which, who=who)
    def answer(self, which, who):
        holder = self.run(self.desk.state(self.talks[which])).agent
        with suppress(RefusedError, NotPossibleError):
            self.run(self.desk.answers(self.talks[which], self.accounts[who]))
            assert holder == who

    @rule(which=which, who=who, action=st.sampled_from(["release", "reopen", "wake"]))
    def act(self, which, who, action):
        self.attempt(getattr(self.desk.cases, action)(self.talks[which], self.desk.id(), self.accounts[who]))

    @rule(which=which, who=who, to=st.sampled_from([None, "check_bill", "continue", "nonsense"]))
    def give_back(self, which, who, to):
        self.attempt(self.desk.cases.hand_back(self.talks[which], self.desk.id(), self.accounts[who], to))

    @rule(which=which, who=who)
    def close(self, which, who):
        work = self.desk.cases.close(self.talks[which], self.desk.id(), self.accounts[who], outcome="solved", tags=[])
        self.attempt(work)

    @rule(which=which, who=who, seconds=st.integers(-5, 600))
    def snooze(self, which, who, seconds):
        until = self.desk.clock() + timedelta(seconds=seconds)
        self.attempt(self.desk.cases.snooze(self.talks[which], self.desk.id(), self.accounts[who], until))

    @rule(which=which, who=who, to=st.sampled_from([("chen", None), ("lin", None), (None, "network"), (None, "x")]))
    def transfer(self, which, who, to):
        work = self.desk.cases.transfer(
            self.talks[which], self.desk.id(), self.accounts[who], agent=to[0], team=to[1], note=""
        )
        self.attempt(work)

    @rule(seconds=st.integers(0, 200))
    def time_passes(self, seconds):
        self.desk.clock.tick(seconds)
        self.run(self.desk.dispatcher.look())

    @rule(who=who, state=st.sampled_from(["online", "busy", "away", None]))
    def come_and_go(self, who, state):
        presence = self.desk.service.presence
        if state is None and presence.state(who) != "offline":
            presence.leave(who)
        elif state is not None:
            if presence.state(who) == "offline":
                presence.arrive(who)
            presence.set(who, state)

    @invariant()
    def mode_and_escalation_agree(self):
        for talk in getattr(self, "talks", ()):
            state = self.run(self.desk.state(talk))
            newest = self.run(self.desk.store.last_escalation(talk))
            assert (state.mode, newest.state if newest else None) in AGREES
            if newest and newest.state in {"assigned", "snoozed"}:
                assert state.agent == newest.agent is not None
                assert newest.assignee is None
            if state.mode in {"bot", "waiting"}:
                assert state.agent is None
            opened = self.run(self.desk.service.floor.reads.escalations_of([talk])).get(talk, [])
            assert sum(one.state != "closed" for one in opened) <= 1

    @invariant()
    def every_seq_is_there_once(self):
        for talk in getattr(self, "talks", ()):
            seqs = [message.seq for message in self.run(self.desk.store.messages(talk))]
            assert seqs == list(range(1, len(seqs) + 1))


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=6,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
