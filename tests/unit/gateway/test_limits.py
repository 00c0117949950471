from server.gateway.limits import RateLimiter


def test_a_burst_then_a_steady_rate():
    now = [0.0]
    limiter = RateLimiter(burst=3, per_second=0.5, clock=lambda: now[0])
    assert [limiter.allow("a") for _ in range(4)] == [True, True, True, False]
    assert limiter.allow("b")
    now[0] = 2.0
    assert [limiter.allow("a") for _ in range(2)] == [True, False]
    now[0] = 1000.0
    assert [limiter.allow("a") for _ in range(4)] == [True, True, True, False]
