"""Masking: the lists of tests/masking, forms one by one, and what must hold for any text."""

import itertools
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.masking import LISTS, Score, read, unmarked
from server.privacy import find, mask, mask_json
from server.privacy.checks import is_bank_card, is_hong_kong_id, is_id_card, is_taiwan_id, luhn
from server.settings import ROOT


@pytest.mark.parametrize("name", ["lines.txt", "second.txt", "third.txt", "unseen.txt", "fourth.txt", "fifth.txt"])
def test_the_lists(name):
    score = Score()
    for text, wanted in read(LISTS / name):
        score.add(text, wanted)
    assert score.recall() >= 0.98, "\n".join(score.wrong)
    assert score.precision() >= 0.95, "\n".join(score.wrong)


def test_the_first_list_is_long_and_has_both_languages_and_false_friends():
    lines = list(read(LISTS / "lines.txt"))
    assert len(lines) >= 600
    assert sum(text.isascii() for text, _ in lines) >= 250
    assert sum(not wanted for _, wanted in lines) >= 250


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("打{PHONE 138\u200b0013\u200b8000}", "打<PHONE>"),  # zero-width spaces hide nothing
        ("٠{PHONE ١٣٨٠٠١٣٨٠٠٠}"[1:], "<PHONE>"),  # nor do other digits
        ("{PHONE 13800138000}\t{EMAIL a@example.com}", "<PHONE>\t<EMAIL>"),
        ("", ""),
    ],
)
def test_the_place_is_that_of_the_original(line, masked):
    text, wanted = unmarked(line)
    assert find(text) == wanted
    assert mask(text) == masked


def test_check_digits():
    assert is_id_card("11010519491231002X")
    assert not is_id_card("110105194912310021")
    assert not is_id_card("11010519491331002X")  # there is no month 13
    assert is_id_card("320102350101123")
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert is_bank_card("4111111111111111")
    assert not is_bank_card("89860012345678901234")
    assert is_hong_kong_id("A1234563")
    assert not is_hong_kong_id("A1234564")
    assert is_taiwan_id("A123456789")
    assert not is_taiwan_id("A123456788")


def test_json_is_masked_inside():
    given_value = {"text": "我叫张伟", "list": ["13800138000", 7, None], "13800138000": True}
    assert mask_json(given_value) == {"text": "我叫<NAME>", "list": ["<PHONE>", 7, None], "<PHONE>": True}


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        alphabet=st.one_of(st.characters(), st.sampled_from("0123456789 -+()@.号路楼我叫是张Mr京A电话")), max_size=200
    )
)
def test_any_text_can_be_masked(text):
    spans = find(text)
    assert all(0 <= one.start < one.end <= len(text) for one in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["我的手机号", "my number is ", "", "，", "a "]),
    st.sampled_from(["", "，谢谢", " thanks", "。", "打不通"]),
)
def test_a_mobile_number_is_found_whatever_stands_around_it(before, after):
    assert mask(f"{before}13800138000{after}") == f"{before}<PHONE>{after}"


@pytest.mark.parametrize(
    "piece", ["1", "1 ", "路", "中山路一", "Aa ", "Room 1, ", "a@", "one ", "微信号", "路1号", "1 A Street, ", "电话"]
)
def test_a_long_text_of_one_kind_is_no_trap(piece):
    find((piece * 4000)[:4000])  # a recogniser that backtracks would not come back within the run's time


def run_mask(data: bytes, *arguments: str) -> bytes:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "server.cli", "mask", *arguments]
    return subprocess.run(command, input=data, env=environment, check=True, capture_output=True, timeout=60).stdout


def test_the_command_masks_lines_and_keeps_the_rest(tmp_path):
    data = "我叫张伟\r\n订单QH48210937\n\n".encode() + b"\xff 13800138000"
    masked = "我叫<NAME>\r\n订单QH48210937\n\n".encode() + b"\xff <PHONE>"
    assert run_mask(data) == masked
    file = tmp_path / "lines.txt"
    file.write_bytes(data)
    assert run_mask(b"", str(file)) == masked


def test_the_command_gives_spans():
    answer = json.loads(run_mask("电话13800138000\n".encode(), "--json"))
    assert answer == {"text": "电话<PHONE>", "spans": [{"start": 2, "end": 13, "kind": "PHONE"}]}


def test_the_command_answers_a_line_before_the_next_one_is_there():
    command = [sys.executable, "-m", "server.cli", "mask"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("号码13800138000\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == "号码<PHONE>\n".encode()
        process.stdin.close()
        process.wait(timeout=30)
