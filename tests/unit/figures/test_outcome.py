"""What a conversation counts for, by plain values; percentiles and intervals against what they stand for."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from server.company import Company
from server.gateway.figures_outcome import IDLE, RETURN, Step, Talk, bucket_of, count, percentile, step_of
from server.gateway.intervals import wilson
from server.settings import ROOT

T0 = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
LATER = T0 + timedelta(days=9)
INTENTS = Company.load(ROOT / "demo").intents


def step(minutes=0, matter="check_bill", outcome="served", seq=2, ms=100.0):
    return Step(seq, T0 + timedelta(minutes=minutes), matter, outcome, ms)


def talk(*steps, **more):
    last = steps[-1].at if steps else T0
    return Talk(**{"began": T0, "last": last, "closed": False, "steps": steps, "messages": 2 * len(steps), **more})


def record(intent, *keys, awaiting=False):
    return {"intent": intent, "bot": [{"key": key} for key in keys], "slots": {"awaiting": awaiting}}


@pytest.mark.parametrize(
    ("status", "said", "matter", "outcome"),
    [
        ("done", record("check_bill", "bill.issued"), "check_bill", "served"),
        ("done", record("check_bill", "ask.phone", awaiting=True), "check_bill", "asked"),
        # What was asked for is there, though the bot goes on to offer something.
        ("done", record("check_bill", "bill.overdue", "pay.confirm", awaiting=True), "check_bill", "served"),
        ("done", record("inform", "usage.left"), None, "served"),
        ("done", record("greet", "talk.hello"), None, "courtesy"),
        ("done", record("nlu_fallback", "clarify.rephrase", awaiting=True), None, "missed"),
        ("done", record("reset_password", "answer.unknown"), "reset_password", "missed"),
        ("done", record("check_bill", "talk.cancelled"), "check_bill", "asked"),
        ("failed", record("check_bill"), "check_bill", "missed"),
        ("done", record("dispute_bill", "escalate.policy"), "dispute_bill", "served"),
        ("done", record("talk_to_human", "escalate.customer_asked"), None, "courtesy"),
        ("done", {"intent": "dynamic", "parse": {"dynamic": "pet"}, "bot": [{"text": {}}]}, "pet", "served"),
    ],
)  # fmt: skip
def test_a_turn_is_read_from_its_record(status, said, matter, outcome):
    found = step_of(2, T0, status, said, INTENTS)
    assert (found.matter, found.outcome) == (matter, outcome)


def test_a_request_runs_is_handled_for_the_time_being_and_then_for_good():
    one = talk(step())
    counts, due = count(one, T0 + timedelta(minutes=5))
    assert counts["running"] == 1
    assert "decided" not in counts
    assert due == T0 + IDLE
    counts, due = count(one, T0 + IDLE)
    assert (counts["handled"], counts["open"], due) == (1, 1, T0 + RETURN)
    counts, due = count(one, T0 + RETURN)
    assert counts["handled"] == 1
    assert "open" not in counts
    assert due is None


def test_who_comes_back_with_the_same_matter_within_a_day_was_not_handled():
    back = T0 + timedelta(hours=5)
    same = talk(step(), returns=[(back, frozenset({"check_bill"}))])
    assert count(same, LATER)[0].get("handled") is None
    assert count(same, LATER)[0]["contained"] == 1
    other = talk(step(), returns=[(back, frozenset({"esim"}))])
    late = talk(step(), returns=[(T0 + timedelta(hours=25), frozenset({"check_bill"}))])
    assert count(other, LATER)[0]["handled"] == count(late, LATER)[0]["handled"] == 1


def test_a_matter_that_comes_again_after_a_pause_in_the_same_conversation_is_a_return():
    assert count(talk(step(0), step(60)), LATER)[0].get("handled") is None
    assert count(talk(step(0), step(10)), LATER)[0]["handled"] == 1
    assert count(talk(step(0), step(60, matter="esim")), LATER)[0]["handled"] == 1


@pytest.mark.parametrize(
    "more",
    [
        {"reasons": ["customer_asked"]},
        {"solved": False},
        {"rating": 2},
        {"thumbs": {3: -1}},
    ],
)
def test_a_person_or_an_objection_means_not_handled(more):
    assert count(talk(step()), LATER)[0]["handled"] == 1
    assert "handled" not in count(talk(step(), **more), LATER)[0]


def test_asking_back_for_ever_is_not_handling():
    counts, _ = count(talk(step(), step(1, outcome="asked"), step(2, None, "courtesy")), LATER)
    assert counts["contained"] == 1
    assert "handled" not in counts


def test_a_chat_without_a_request_is_not_decided():
    assert "decided" not in count(talk(step(matter=None, outcome="courtesy")), LATER)[0]


def test_a_percentile_from_the_buckets_is_off_by_less_than_five_per_cent():
    chance = random.Random(1)
    times = sorted(min(400_000.0, chance.lognormvariate(6.5, 1.2)) for _ in range(5_000))
    counts = {}
    for ms in times:
        name = f"ms.{bucket_of(ms)}"
        counts[name] = counts.get(name, 0) + 1
    for share in (0.5, 0.9, 0.95, 0.99):
        true = times[int(share * len(times)) - 1]
        assert percentile(counts, share) == pytest.approx(true, rel=0.05)
    assert percentile({}, 0.95) is None


@pytest.mark.parametrize(("p", "n"), [(0.5, 8), (0.85, 20), (0.97, 60), (0.02, 40)])
def test_wilson_covers_the_truth_about_as_often_as_it_says(p, n):
    chance = random.Random(7)
    inside = 0
    for _ in range(2_000):
        hits = sum(chance.random() < p for _ in range(n))
        low, high = wilson(hits, n)
        inside += low <= p <= high
    assert 0.92 <= inside / 2_000 <= 0.99


def test_wilson_of_nothing_and_at_the_ends():
    assert wilson(0, 0) is None
    assert wilson(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert wilson(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1.0)
