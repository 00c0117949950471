"""The view of the wording."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.nlu.lexical import Lexical, grams

EXAMPLES = [
    ("turn roaming on", 0),
    ("switch roaming on please", 0),
    ("开通漫游", 0),
    ("帮我开通国际漫游", 0),
    ("turn roaming off", 1),
    ("switch off roaming", 1),
    ("关闭漫游", 1),
    ("帮我把国际漫游关了", 1),
    ("pay my bill", 2),
    ("pay the bill now", 2),
    ("交话费", 2),
    ("我要交话费", 2),
]


def trained(classes: int = 3) -> Lexical:
    chosen = [(text, label) for text, label in EXAMPLES if label < classes]
    return Lexical.fit([grams(text) for text, _ in chosen], np.array([label for _, label in chosen]), classes)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Turn my roaming ON", 0),
        ("turn my roamign off", 1),
        ("国际漫游开通一下", 0),
        ("漫游关闭", 1),
        ("I want to pay a bill", 2),
    ],
)
def test_what_is_written_decides(text: str, label: int) -> None:
    assert trained().logits([grams(text)]).argmax() == label


def test_two_classes_need_no_third() -> None:
    logits = trained(2).logits([grams("turn it on"), grams("turn it off")])
    assert logits.shape == (2, 2)
    assert logits.argmax(axis=1).tolist() == [0, 1]


def test_nothing_known_says_nothing_of_the_text() -> None:
    model = trained()
    empty, strange = model.logits([grams(""), grams("ЖЩЮ")])
    np.testing.assert_array_equal(empty, strange)


def test_a_stored_model_says_the_same() -> None:
    model = trained()
    texts = [grams(text) for text, _ in EXAMPLES]
    again = Lexical.from_arrays(model.arrays())
    np.testing.assert_allclose(again.logits(texts), model.logits(texts), atol=0.02)


@given(st.text())
def test_any_text_is_read_and_its_neighbours_do_not_matter(text: str) -> None:
    model = trained()
    alone = model.logits([grams(text)])
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(model.logits([grams("pay"), grams(text)])[1:], alone, atol=1e-5)
