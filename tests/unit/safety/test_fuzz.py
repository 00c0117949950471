"""A small run of `python -m benchmarks.fuzz`: odd input at every door, and no fault of ours."""

from benchmarks.fuzz import fuzz


async def test_odd_input_breaks_nothing():
    report = await fuzz(400, seed=7)
    assert report.inputs.total() >= 250
    assert report.faults == {}
