"""Computations in a process of their own: answers, errors, and none left behind."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest

from server.nlu.aside import AsideError, aside


def double(x: int) -> int:
    return 2 * x


def fail(text: str) -> None:
    raise ValueError(text)


def die() -> None:
    os._exit(3)


def wait() -> None:
    time.sleep(600)


def test_the_answer_comes_back() -> None:
    with aside(double, 21) as answer:
        assert answer() == 42


def test_an_error_is_raised_where_the_answer_is_waited_for() -> None:
    with aside(fail, "no such thing") as answer, pytest.raises(ValueError, match="no such thing"):
        answer()


def test_a_process_that_dies_is_reported() -> None:
    with aside(die) as answer, pytest.raises(AsideError, match="die ended with status 3"):
        answer()


def test_nothing_is_left_at_work() -> None:
    with aside(wait):
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()
