from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.company import Company
from server.models.own_words import chinese_texts
from server.speech.homophones import Heard, Homophones

DEMO = Path(__file__).parents[3] / "demo"
TEXTS = tuple(dict.fromkeys(chinese_texts(Company.load(DEMO))))
WORDS = Homophones(TEXTS)


def corrected(text: str, **fields) -> str:
    return WORDS.correct([Heard(char, **fields) for char in text])


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("我家的宽戴上不了网", "我家的宽带上不了网"),
        ("我想换成青和唱享", "我想换成青禾畅享"),
        ("引领套餐有多少流量", "银龄套餐有多少流量"),
        ("亲和家庭套餐多少钱", "青禾家庭套餐多少钱"),
        ("怎么插流量", "怎么查流量"),
        ("机定盒不能开机", "机顶盒不能开机"),
    ],
)
def test_what_sounds_like_the_companys_words_is_written_as_they_are(heard, meant):
    assert corrected(heard) == meant


@pytest.mark.parametrize("text", ["铁观音和龙井哪个更好喝", "膝盖疼是不是半月板损伤", "", "hello 691", "，。"])
def test_what_is_about_something_else_stays(text):
    assert corrected(text, sure=0.9) == text


def test_the_surer_the_recogniser_the_less_is_changed():
    assert corrected("这件事怎么版", sure=0.5) == "这件事怎么办"
    assert corrected("这件事怎么版", sure=0.999) == "这件事怎么版"


def test_what_the_recogniser_considered_is_taken_where_it_fits():
    assert WORDS.correct([Heard("流"), Heard("拉", 0.4, {"量": -0.3})]) == "流量"
    assert corrected("流拉", sure=0.4) != "流量"


def test_figures_letters_and_marks_stay_where_they_are():
    assert corrected("错误691,宽戴WiFi不行。") == "错误691,宽带WiFi不行。"


@settings(max_examples=200)
@given(st.sampled_from(TEXTS), st.floats(0, 1))
def test_a_text_of_the_company_stays_as_it_is(text, sure):
    from server.nlu.text import simplified

    plain = simplified(text)[:400]
    if len(text) <= 400:
        assert corrected(plain, sure=sure) == plain


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="我的宽带流量青禾哦呢龙井abc12，。 \n😀", max_size=60), st.floats(0, 1))
def test_anything_keeps_its_length_and_all_that_is_not_chinese(text, sure):
    new = corrected(text, sure=sure)
    assert len(new) == len(text)
    assert all(a == b for a, b in zip(text, new, strict=True) if not "\u4e00" <= a <= "\u9fff")


def test_a_company_that_writes_nothing_changes_nothing():
    assert Homophones([]).correct([Heard("宽"), Heard("戴")]) == "宽戴"
