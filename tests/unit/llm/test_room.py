"""Turns at a language model, by a clock of the test's own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from server.llm.protocol import LlmError
from server.llm.room import Room


def _clock(*times: float) -> Callable[[], float]:
    left = iter(times)
    return lambda: next(left)


async def test_what_waiting_took_is_missing_from_the_turn() -> None:
    async with Room(1, _clock(10, 10.5)).turn(within_s=2) as left:
        assert left == 1.5


async def test_without_a_deadline_there_is_all_the_time() -> None:
    async with Room(1).turn(within_s=None) as left:
        assert left == math.inf


async def test_who_waits_too_long_is_told_so() -> None:
    room = Room(1)
    async with room.turn(None):
        with pytest.raises(LlmError, match="did not come in time") as raised:
            async with room.turn(0.001):
                pytest.fail("there was no room")
    assert raised.value.cause == "overloaded"


async def test_a_turn_in_the_instant_of_the_deadline_is_none_and_goes_to_the_next() -> None:
    room = Room(1, _clock(0, 2, 2))
    with pytest.raises(LlmError) as raised:
        async with room.turn(2):
            pytest.fail("no time was left to ask")
    assert raised.value.cause == "overloaded"
    async with asyncio.timeout(10), room.turn(None) as left:
        assert left == math.inf
