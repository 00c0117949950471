"""What words mean."""

import datetime as dt

import pytest

from server.nlu import normalise
from server.nlu.data import DataError, EntityKind
from server.nlu.normalise import Normaliser

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)  # a Sunday


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("199 0000 0101", "19900000101"),
        ("+86 199-0000-0101", "19900000101"),
        ("幺九九 零零零零 零幺零幺", "19900000101"),
        ("one nine nine zero zero zero zero zero one zero one", "19900000101"),
        ("010-12345678", "01012345678"),
        ("12345", None),
        ("29900000101", None),
    ],
)
def test_phone_numbers(text: str, value: str | None) -> None:
    assert normalise.phone(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48元", "48"),
        ("三块五", "3.5"),
        ("39块9", "39.9"),
        ("五毛", "0.5"),
        ("¥1,200.50", "1200.5"),
        ("twenty-five yuan", "25"),
        ("一百二十块", "120"),
        ("钱", None),
    ],
)
def test_amounts(text: str, value: str | None) -> None:
    assert normalise.amount(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("5GB", "5"), ("五个G", "5"), ("512M", "0.5"), ("2 gigs", "2"), ("1TB", "1024"), ("data", None)]
)
def test_volumes_are_in_gigabytes(text: str, value: str | None) -> None:
    assert normalise.data_volume(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("昨天", "2026-11-21"),
        ("大后天", "2026-11-25"),
        ("day after tomorrow", "2026-11-24"),
        ("下周三", "2026-11-25"),
        ("next Friday", "2026-11-27"),
        ("上个月", "2026-10"),
        ("上个月15号", "2026-10-15"),
        ("12月", "2026-12"),
        ("三月", "2026-03"),
        ("2026年12月1日", "2026-12-01"),
        ("Dec 1st", "2026-12-01"),
        ("1 January", "2027-01-01"),
        ("三天前", "2026-11-19"),
        ("in two weeks", "2026-12-06"),
        ("2026-02-30", None),
        ("someday", None),
    ],
)
def test_dates_are_relative_to_the_clock_passed_in(text: str, value: str | None) -> None:
    assert normalise.date(text, NOW) == value


def test_numbers_in_words() -> None:
    assert [int(normalise.chinese_number(t) or -1) for t in ("十五", "一百二", "两千零五", "一万二", "三百")] == [
        15,
        120,
        2005,
        12000,
        300,
    ]


def test_known_values_are_found_by_any_of_their_names_and_by_near_ones() -> None:
    kinds = {"plan": EntityKind("plan", "lookup", {}, {"plus": ("青叶套餐", "Leaf plan"), "max": ("青禾畅享",)})}
    look_up = Normaliser(kinds, {"叶子": "plus"})
    said = ["青葉套餐", "leaf plan", "Leaf-Plan", "the leaf plan", "lesf plan", "叶子", "plus", "elsewhere"]
    assert [look_up.value("plan", raw, NOW) for raw in said] == ["plus"] * 7 + ["elsewhere"]
    assert look_up.value("colour", "red", NOW) == "red"


def test_an_unknown_normaliser_is_named() -> None:
    with pytest.raises(DataError, match='entity "plan": unknown normaliser "guess"'):
        Normaliser({"plan": EntityKind("plan", "guess")})
