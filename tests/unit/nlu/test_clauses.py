"""Where a message may hold several wishes, and when parts count as wishes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.nlu.clauses import MOST_PARTS, Part, Reading, parts, wishes


def cut(text: str) -> list[str]:
    return [text[p.start : p.end] for p in parts(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("查一下我的账单，另外流量还剩多少", ["查一下我的账单", "流量还剩多少"]),
        ("宽带断了。顺便问一下怎么开发票？", ["宽带断了", "问一下怎么开发票"]),
        ("check my bill and also reset my password", ["check my bill", "reset my password"]),
        ("where is my order? what does roaming cost", ["where is my order", "what does roaming cost"]),
        ("my bill please, by the way is there an outage", ["my bill please", "is there an outage"]),
    ],
)
def test_connected_wishes_are_cut(text: str, expected: list[str]) -> None:
    found = cut(text)
    assert len(found) == len(expected)
    assert all(end in part for part, end in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "text", ["", "嗯。", "ok. yes", "查一下我的账单", "bread and butter", "我换了手机，信号还是没有", "e.g. 5.5GB"]
)
def test_one_wish_stays_whole(text: str) -> None:
    assert parts(text) == []


@given(st.text(max_size=200))
def test_parts_lie_in_order_inside_the_text(text: str) -> None:
    found = parts(text)
    assert len(found) != 1
    assert len(found) <= MOST_PARTS
    assert all(0 <= p.start < p.end <= len(text) for p in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


def reading(intent: str, confidence: float = 0.9, *, sure: bool = True, **others: float) -> Reading:
    return Reading(intent, confidence, sure, {intent: confidence, **others})


A, B, C = Part(0, 5), Part(6, 9), Part(10, 14)


def test_two_sure_parts_are_two_wishes() -> None:
    whole = reading("check_bill", 0.5, sure=False, buy_data=0.3)
    found = wishes(whole, [(A, reading("check_bill")), (B, reading("buy_data"))])
    assert [(p, r.intent) for p, r in found] == [(A, "check_bill"), (B, "buy_data")]


def test_one_intent_twice_is_one_wish() -> None:
    assert wishes(reading("check_bill"), [(A, reading("check_bill")), (B, reading("check_bill"))]) == []


def test_an_unsure_part_is_no_wish() -> None:
    whole = reading("check_bill", buy_data=0.3)
    assert wishes(whole, [(A, reading("check_bill")), (B, reading("buy_data", 0.4, sure=False))]) == []


def test_a_part_that_the_whole_does_not_hint_at_is_a_side_remark() -> None:
    whole = reading("fault_no_service", pay_bill=0.001)
    assert wishes(whole, [(A, reading("fault_no_service")), (C, reading("pay_bill"))]) == []
