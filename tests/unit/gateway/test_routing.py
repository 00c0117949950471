"""Routing: who is asked, in which order, what happens to what nobody answers. Examples, then any course of events."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from server.gateway.routing import (
    SAFETY,
    Case,
    Colleague,
    Offer,
    Policy,
    Promise,
    expected_wait_s,
    has_room,
    overdue,
    route,
)

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
POLICY = Policy(offer_s=45, first_reply_s=180, offline_s=30, overflow_s=60, pause_s=120)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def case(name: str = "c", priority: int = 0, waited: float = 0, **fields) -> Case:
    return Case(name, priority, ago(waited), **fields)


def person(
    name: str, state="online", *, capacity: int = 5, load: int = 0, teams=(), languages=(), **fields
) -> Colleague:
    return Colleague(name, state, capacity, load, frozenset(teams), frozenset(languages), **fields)


def asked(cases, *people) -> dict[str, str]:
    return {offer.conversation: offer.agent for offer in route(cases, people, NOW, POLICY)}


def test_the_most_urgent_comes_first_then_the_oldest():
    cases = [case("new"), case("old", waited=50), case("safety", SAFETY), case("upset", 2)]
    offers = route(cases, [person("lin", capacity=9)], NOW, POLICY)
    assert [offer.conversation for offer in offers] == ["safety", "upset", "old", "new"]


def test_nobody_is_given_more_than_they_can_take():
    assert asked([case("a", waited=2), case("b", waited=1)], person("lin", capacity=1)) == {"a": "lin"}
    assert asked([case()], person("lin", capacity=2, load=2)) == {}
    assert asked([case()], person("lin", capacity=0)) == {}


@pytest.mark.parametrize("state", ["busy", "away", "offline"])
def test_only_who_is_online_is_asked(state):
    assert asked([case()], person("lin", state)) == {}


def test_safety_interrupts_the_busy_and_the_full_but_not_the_absent():
    urgent = [case(priority=SAFETY)]
    assert asked(urgent, person("lin", "busy")) == {"c": "lin"}
    assert asked(urgent, person("lin", load=5)) == {"c": "lin"}
    assert asked(urgent, person("lin", load=6)) == {}
    assert asked(urgent, person("lin", "away"), person("chen", "offline")) == {}
    assert asked(urgent, person("busy", "busy"), person("free", load=4)) == {"c": "free"}


def test_a_fault_goes_to_the_team_that_knows_it():
    fibre = person("fibre", teams=["network"], load=4)
    billing = person("billing", teams=["billing"])
    everybody = person("everybody")
    assert asked([case(team="network")], billing, everybody, fibre) == {"c": "fibre"}
    assert asked([case(team="network")], billing, everybody) == {"c": "everybody"}


def test_a_full_team_is_waited_for_and_then_others_help():
    full = person("fibre", teams=["network"], load=5)
    billing = person("billing", teams=["billing"])
    assert asked([case(team="network", waited=10)], full, billing) == {}
    assert asked([case(team="network", waited=60)], full, billing) == {"c": "billing"}


def test_a_team_that_is_not_there_is_not_waited_for():
    gone = person("fibre", "away", teams=["network"])
    assert asked([case(team="network")], gone, person("billing", teams=["billing"])) == {"c": "billing"}


def test_the_language_is_matched():
    en, zh = person("emma", languages=["en"], load=3), person("wang", languages=["zh"])
    assert asked([case(language="en")], zh, en) == {"c": "emma"}
    assert asked([case(language="en", waited=1)], zh) == {"c": "wang"}, "nobody writes English: somebody must"


def test_a_returning_customer_meets_the_same_person():
    assert asked([case(known_to="chen")], person("lin"), person("chen", load=4)) == {"c": "chen"}
    assert asked([case(known_to="chen")], person("lin"), person("chen", "away")) == {"c": "lin"}


def test_the_least_loaded_is_asked_then_who_waited_longest():
    assert asked([case()], person("a", load=2), person("b", load=1)) == {"c": "b"}
    assert asked([case()], person("a", load=1, capacity=1), person("b", load=2, capacity=9)) == {"c": "b"}
    assert asked([case()], person("a", idle_since=ago(5)), person("b", idle_since=ago(9))) == {"c": "b"}


def test_conversations_are_spread():
    given = Counter(asked([case(f"c{n}") for n in range(6)], person("a"), person("b"), person("d")).values())
    assert set(given.values()) == {2}


def test_who_let_it_pass_is_not_asked_again_at_once():
    waiting = case(passed={"lin": ago(10)})
    assert asked([waiting], person("lin"), person("chen", load=4)) == {"c": "chen"}
    assert asked([waiting], person("lin")) == {}
    assert asked([case(passed={"lin": ago(120)})], person("lin")) == {"c": "lin"}


def lapsed(promise: Promise, state: str | None, left: float = 0) -> str | None:
    states = {} if state is None else {promise.agent: state}
    found = overdue([promise], states, {promise.agent: ago(left)}, NOW, POLICY)
    return found[0].why if found else None


@pytest.mark.parametrize(
    ("seconds", "state", "left", "why"),
    [
        (10, "online", 0, None),
        (45, "online", 0, "no_answer"),
        (45, "busy", 0, "no_answer"),
        (1, "away", 0, "agent_away"),
        (20, None, 10, None),
        (40, None, 30, "agent_offline"),
    ],
)
def test_an_offer_lapses(seconds, state, left, why):
    assert lapsed(Promise("c", "lin", "offered", ago(seconds)), state, left) == why


@pytest.mark.parametrize(
    ("seconds", "answered", "unanswered", "state", "left", "why"),
    [
        (170, False, True, "online", 0, None),
        (180, False, True, "online", 0, "no_answer"),
        (999, True, True, "online", 0, None),
        (999, True, True, "away", 0, None),
        (999, True, True, None, 29, None),
        (999, True, True, None, 30, "agent_offline"),
        (999, True, False, None, 9999, None),
    ],
)
def test_a_held_conversation_waits_again_only_where_its_customer_waits(  # noqa: PLR0917 (pytest names them)
    seconds, answered, unanswered, state, left, why
):
    promise = Promise("c", "lin", "held", ago(seconds), answered=answered, unanswered=unanswered)
    assert lapsed(promise, state, left) == why


def test_a_snooze_ends_at_its_time_whoever_is_there():
    assert lapsed(Promise("c", "lin", "snoozed", NOW + timedelta(seconds=1)), "online") is None
    assert lapsed(Promise("c", "lin", "snoozed", NOW), None, 9999) == "time"


def test_the_expected_wait_follows_measured_times():
    people = [person("lin", capacity=2, load=1), person("chen", capacity=2, load=2), person("away", "away", capacity=9)]
    assert expected_wait_s(1, people, 20, 600) == 20, "the free place"
    assert expected_wait_s(2, people, 20, 600) == 20 + 600 / 4
    assert expected_wait_s(5, people, 20, 600) == 20 + 4 * 600 / 4
    assert expected_wait_s(1, people, None, 600) is None
    assert expected_wait_s(3, people, 20, None) is None
    assert expected_wait_s(1, [person("lin", "away")], 20, 600) is None


# ------------------------------------------------------------------ any course of events


@dataclass
class Waiting:
    priority: int
    since: datetime
    language: str
    team: str | None
    state: str = "waiting"
    agent: str | None = None
    at: datetime = NOW
    answered: bool = False
    unanswered: bool = True
    passed: dict[str, datetime] = field(default_factory=dict)


TEAMS = ["network", "billing"]
LANGUAGES = ["zh", "en"]


class Floor(RuleBasedStateMachine):
    """A support floor: customers come, people come, go, crash, take, answer and forget; the core decides the rest."""

    conversations = Bundle("conversations")
    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.cases: dict[str, Waiting] = {}
        self.staff: dict[str, Colleague] = {}
        self.left: dict[str, datetime] = {}
        self.closed = 0

    def load(self, name: str) -> int:
        return sum(one.agent == name and one.state in {"offered", "held"} for one in self.cases.values())

    def there(self) -> list[Colleague]:
        return [
            Colleague(one.name, one.state, one.capacity, self.load(one.name), one.teams, one.languages)
            for one in self.staff.values()
        ]

    def waiting(self) -> list[Case]:
        return [
            Case(name, one.priority, one.since, one.language, one.team, None, one.passed)
            for name, one in self.cases.items()
            if one.state == "waiting"
        ]

    @rule(
        target=people,
        teams=st.sets(st.sampled_from(TEAMS)),
        languages=st.sets(st.sampled_from(LANGUAGES)),
        capacity=st.integers(0, 3),
    )
    def hire(self, teams, languages, capacity):
        name = f"p{len(self.staff)}"
        self.staff[name] = Colleague(name, "online", capacity, 0, frozenset(teams), frozenset(languages))
        return name

    @rule(name=people, state=st.sampled_from(["online", "busy", "away", "offline"]))
    def change_presence(self, name, state):
        one = self.staff[name]
        if state == "offline" and one.state != "offline":
            self.left[name] = self.now
        self.staff[name] = Colleague(name, state, one.capacity, 0, one.teams, one.languages)

    @rule(
        target=conversations,
        priority=st.integers(0, 3),
        language=st.sampled_from(LANGUAGES),
        team=st.sampled_from([None, *TEAMS]),
    )
    def escalate(self, priority, language, team):
        name = f"c{len(self.cases) + self.closed}"
        self.cases[name] = Waiting(priority, self.now, language, team)
        return name

    @rule(seconds=st.integers(1, 200))
    def pass_time(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(name=conversations)
    def take(self, name):
        one = self.cases[name]
        if one.state == "offered":
            one.state, one.at, one.answered, one.unanswered = "held", self.now, False, True

    @rule(name=conversations)
    def answer(self, name):
        one = self.cases[name]
        if one.state == "held":
            one.answered, one.unanswered = True, False

    @rule(name=conversations)
    def write_again(self, name):
        self.cases[name].unanswered = True

    @rule(name=conversations, seconds=st.integers(1, 300))
    def snooze(self, name, seconds):
        one = self.cases[name]
        if one.state == "held":
            one.state, one.at = "snoozed", self.now + timedelta(seconds=seconds)

    @rule(name=consumes(conversations))
    def close(self, name):
        if self.cases[name].state == "held":
            del self.cases[name]
            self.closed += 1

    @rule()
    def dispatch(self):
        states = {one.name: one.state for one in self.staff.values() if one.state != "offline"}
        promises = [
            Promise(name, one.agent, one.state, one.at, answered=one.answered, unanswered=one.unanswered)
            for name, one in self.cases.items()
            if one.agent is not None
        ]
        for lapse in overdue(promises, states, self.left, self.now, POLICY):
            one = self.cases[lapse.conversation]
            if lapse.kind == "snoozed":
                one.state, one.at = "held", self.now
                continue
            one.passed[lapse.agent] = self.now
            one.state, one.agent = "waiting", None
        before = {one.name: one for one in self.there()}
        offers = route(self.waiting(), self.there(), self.now, POLICY)
        assert len({offer.conversation for offer in offers}) == len(offers)
        for offer in offers:
            self.check_offer(offer, before)
            one = self.cases[offer.conversation]
            one.state, one.agent, one.at = "offered", offer.agent, self.now
        self.check_nobody_waits_in_vain()

    def check_offer(self, offer: Offer, before: dict[str, Colleague]) -> None:
        one, agent = self.cases[offer.conversation], before[offer.agent]
        assert one.state == "waiting"
        assert agent.state == "online" or (agent.state == "busy" and one.priority == SAFETY)
        passed = one.passed.get(offer.agent)
        assert passed is None or self.now >= passed + timedelta(seconds=POLICY.pause_s)
        fits = agent.serves(one.team) and agent.writes(one.language)
        waited = (self.now - one.since).total_seconds()
        better = [
            other
            for other in before.values()
            if other.state == "online"
            and other.capacity > 0
            and other.serves(one.team)
            and other.writes(one.language)
            and other.name not in one.passed
        ]
        assert fits or not better or waited >= POLICY.overflow_s or one.priority == SAFETY

    def check_nobody_waits_in_vain(self) -> None:
        free = self.there()
        for waiting in self.waiting():
            for one in free:
                paused = one.name in waiting.passed and self.now < waiting.passed[one.name] + timedelta(
                    seconds=POLICY.pause_s
                )
                if has_room(one, waiting.priority) and not paused:
                    assert not (one.serves(waiting.team) and one.writes(waiting.language)), "somebody who fits is free"
                    assert (self.now - waiting.since).total_seconds() < POLICY.overflow_s

    @invariant()
    def nobody_has_more_than_one_above_capacity(self):
        for one in self.staff.values():
            plain = sum(
                case.agent == one.name and case.state == "offered" and case.priority < SAFETY
                for case in self.cases.values()
            )
            assert plain <= max(one.capacity, 0)

    @invariant()
    def everything_waits_or_is_somebodys(self):
        for one in self.cases.values():
            assert (one.agent is None) == (one.state == "waiting")


TestFloor = Floor.TestCase
TestFloor.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
