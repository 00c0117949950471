import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.speech import names


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("My name is Chan, C H E N.", "My name is Chen."),
        ("My name is Smyth, S-M-I-T-H", "My name is Smith"),
        ("My name is Jon, that's spelled J O H N", "My name is John"),
        ("我姓章 公长张", "我姓张 弓长张"),
        ("我叫陈小明,儿东陈", "我叫陈小明,耳东陈"),
        ("我叫成小明,耳东陈。", "我叫陈小明,耳东陈。"),
        ("我姓李，木子李", "我姓李，木子李"),
        ("I have plan A B or C", "I have plan A B or C"),
        ("光猫的灯不亮", "光猫的灯不亮"),
    ],
)
def test_what_was_spelt_counts(heard, written):
    assert names.written(heard) == written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("我叫王建国，身份证丢了", ("王建国",)),
        ("机主姓张", ("张",)),
        ("我叫了师傅来", ()),
        ("姓名不对", ()),
        ("My name is Chen.", ("Chen",)),
        ("my name's Mary Ann Smith and I moved", ("Mary Ann Smith",)),
        ("my name is wrong on the bill", ()),
    ],
)
def test_names_are_told_from_words(text, told):
    assert names.told(text) == told


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("我叫陈晓明", "我叫陈晓明（耳东陈）"),
        ("我姓张，弓长张", "我姓张，弓长张"),
        ("我叫马小云", "我叫马小云"),
        ("My name is Chen", "My name is Chen (C H E N)"),
        ("my plan", "my plan"),
    ],
)
def test_names_are_read_back_with_their_spelling(text, read):
    assert names.explained(text) == read


@given(st.text(alphabet="我叫姓陈耳东张弓长李，。 ABCde-", max_size=40))
def test_nothing_a_customer_says_is_too_much(text):
    assert names.written(names.written(text)) == names.written(text)
    assert names.explained(text).startswith(text)
