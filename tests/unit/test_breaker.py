"""The circuit breaker, driven by plain times."""

from server.breaker import Breaker


def _failing(breaker: Breaker, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        assert breaker.allows(now)
        breaker.failed(now)


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    breaker = Breaker(failures=3, first_pause_s=5)
    _failing(breaker, 2)
    assert breaker.allows(0)
    breaker.succeeded()
    _failing(breaker, 3)
    assert not breaker.allows(4.9)
    assert breaker.open(4.9)


def test_one_call_at_a_time_finds_out_whether_it_is_over() -> None:
    breaker = Breaker(failures=1, first_pause_s=5, longest_pause_s=12)
    _failing(breaker, 1)
    assert breaker.allows(5)
    assert not breaker.allows(5)
    breaker.abandoned()
    assert breaker.allows(5)
    breaker.succeeded()
    assert breaker.allows(5)
    assert breaker.allows(5)


def test_the_pause_doubles_up_to_a_limit() -> None:
    breaker = Breaker(failures=1, first_pause_s=5, longest_pause_s=12)
    now = 0.0
    for pause in (5, 10, 12, 12):
        _failing(breaker, 1, now)
        assert not breaker.allows(now + pause - 0.1)
        now += pause
    assert breaker.allows(now)
    breaker.succeeded()
    _failing(breaker, 1, now)
    assert breaker.allows(now + 5)


def test_a_late_failure_of_a_call_from_before_does_not_prolong_the_pause() -> None:
    breaker = Breaker(failures=1, first_pause_s=5)
    assert breaker.allows(0)
    assert breaker.allows(0)
    breaker.failed(0)
    breaker.failed(4)
    assert breaker.allows(5)
