"""What of a picture's text a turn is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pictures.reading import LONGEST, MAX_LINES, Line, labels, telling, tidy


def lines(*texts: str, confidence: float = 0.95) -> list[Line]:
    return tidy((text, confidence) for text in texts)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["错误691", "用户名或密码无效", "返回", "首页"], "错误691，用户名或密码无效"),
        (["14:32", "87%", "无服务"], "无服务"),
        (["14:32无服务", "87%", "青禾通信"], "无服务"),
        (["Connection failed", "Errorcode:E-105", "Settings", "Wi-Fi"], "Connection failed，Error code:E-105"),
        (["青禾盒子 TV1", "请选择频道"], "青禾盒子 TV1，请选择频道"),
        (["TV-301"], "TV-301"),
        (["12:05", "5G", "100%", "3.2 KB/s"], ""),
        (["POWER PON LOS LAN1"], ""),
        ([], ""),
    ],
)
def test_what_tells_of_a_fault_comes_first(found: list[str], told: str) -> None:
    assert telling(lines(*found), least=0.6) == told


def test_a_long_text_that_tells_of_no_fault_is_left_out() -> None:
    assert telling(lines(*(f"chapter {name} of a long story" for name in "abcdefgh")), least=0.6) == ""


def test_labels_are_no_lights() -> None:
    found = lines("POWER PON LOS", "LAN1 | LAN2", "Qinghe Router R3 Pro")
    assert labels(found, least=0.6) == ["POWER", "PON", "LOS", "LAN1", "LAN2"]


def test_what_is_hardly_read_is_left_out() -> None:
    assert telling(lines("错误 691", confidence=0.4), least=0.6) == ""


@given(st.lists(st.tuples(st.text(max_size=400), st.floats(allow_nan=False)), max_size=300))
def test_whatever_is_found_stays_small_and_printable(found: list[tuple[str, float]]) -> None:
    kept = tidy(found)
    assert len(kept) <= MAX_LINES
    assert all(0 <= line.confidence <= 1 and line.text.isprintable() for line in kept)
    assert len(telling(kept, least=0.5)) <= LONGEST
    assert len({line.text for line in kept}) == len(kept)
