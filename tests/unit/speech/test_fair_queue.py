"""Whose recording is recognised next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.speech.fair_queue import (
    MAX_FINALS,
    PARTIAL_S,
    SLOWEST_PARTIAL_S,
    STALE_S,
    FairQueue,
    FullError,
    Job,
)


def job(session: str, at: float = 0.0, *, final: bool = False, work: int = 0) -> Job[int]:
    return Job(session, final, at, work)


def drain(queue: FairQueue[int], now: float = 0.0) -> list[Job[int]]:
    found = []
    while (taken := queue.take(now)[0]) is not None:
        found.append(taken)
    return found


def test_finals_come_before_partials() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.put(job("a"))
    queue.put(job("b", final=True))
    assert [j.session for j in drain(queue)] == ["b", "a"]


def test_whoever_was_served_longest_ago_is_next() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(3):
        queue.put(job("greedy", number, final=True))
    queue.put(job("modest", 5, final=True))
    assert [j.session for j in drain(queue)] == ["greedy", "modest", "greedy", "greedy"]


def test_a_newer_partial_replaces_the_older_and_a_final_both() -> None:
    queue: FairQueue[int] = FairQueue()
    assert queue.put(job("a", work=1)) == []
    assert [j.work for j in queue.put(job("a", work=2))] == [1]
    assert [j.work for j in queue.put(job("a", final=True, work=3))] == [2]
    assert [j.work for j in drain(queue)] == [3]


def test_stale_partials_are_dropped_finals_never() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.put(job("a", 0.0))
    queue.put(job("b", 0.0, final=True))
    taken, stale = queue.take(STALE_S + 0.1)
    assert taken is not None
    assert (taken.session, [j.session for j in stale]) == ("b", ["a"])


def test_a_full_queue_refuses_finals_at_the_door() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(MAX_FINALS):
        queue.put(job(str(number), final=True))
    with pytest.raises(FullError):
        queue.put(job("one too many", final=True))
    assert len(drain(queue)) == MAX_FINALS


def test_a_worker_that_is_kept_for_finals_takes_no_partial() -> None:
    queue: FairQueue[int] = FairQueue(workers=2)
    queue.put(job("a"))
    assert queue.take(0.0, partials=False) == (None, [])
    queue.put(job("b", final=True))
    taken, _ = queue.take(0.0, partials=False)
    assert taken is not None
    assert taken.session == "b"


def test_partials_become_rarer_when_many_talk() -> None:
    queue: FairQueue[int] = FairQueue(workers=2)
    assert queue.pace(0.0) == PARTIAL_S
    for number in range(10):
        queue.put(job(str(number)))
    for _ in range(50):
        queue.took(0.4)
    assert PARTIAL_S < queue.pace(1.0) <= SLOWEST_PARTIAL_S
    assert queue.pace(60.0) == PARTIAL_S


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.floats(0, 0.5)), max_size=60))
def test_every_job_comes_out_once(puts: list[tuple[str, bool, float]]) -> None:
    queue: FairQueue[int] = FairQueue()
    out: list[int] = []
    finals = []
    now = 0.0
    for number, (session, final, wait) in enumerate(puts):
        now += wait
        out += [j.work for j in queue.put(job(session, now, final=final, work=number))]
        finals += [number] if final else []
        if number % 3 == 0:
            taken, stale = queue.take(now)
            out += [j.work for j in stale] + ([taken.work] if taken else [])
    out += [j.work for j in drain(queue, now)]
    assert set(finals) <= set(out)
    assert len(out) == len(set(out)) <= len(puts)
