from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import formulas

from kg import formula as f
from kg.formula import Formula, FormulaError, parse

NAMES = ["a", "b_1", "net-work", "x.y"]


@given(formulas(NAMES, depth=4))
def test_what_is_written_reads_back_the_same(formula: Formula) -> None:
    assert parse(str(formula)) == formula


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a or b and not c", "a or (b and (not c))"),
        ("a xor b or c", "(a xor b) or c"),
        ("2 of (a, b, c)", "2 of (a, (b), c)"),
        ("not a and b", "(not a) and b"),
    ],
)
def test_binding(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "at the end"),
        ("a or", "expected an event"),
        ("a b", '"b" at character 3'),
        ("(a", 'expected ")"'),
        ("a & b", "character 2"),
        ("2 of a", 'expected "("'),
        ("iff(a)", "two arguments"),
        ("or", '"or"'),
        ("(" * 500 + "a" + ")" * 500, "nests deeper"),
        ("not " * 500 + "a", "nests deeper"),
    ],
)
def test_mistakes_are_named(text: str, says: str) -> None:
    with pytest.raises(FormulaError, match=says.replace("(", r"\(").replace(")", r"\)")):
        parse(text)


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_meaning_of_connectives(values: list[bool]) -> None:
    value = dict(zip("abc", values, strict=True)).__getitem__
    a, b, c = values
    assert parse("2 of (a, b, c)").evaluate(value) == (a + b + c >= 2)
    assert parse("1 to 2 of (a, b, c)").evaluate(value) == (1 <= a + b + c <= 2)
    assert parse("a xor b xor c").evaluate(value) == (a ^ b ^ c)
    assert parse("imply(a, b)").evaluate(value) == (not a or b)
    assert parse("iff(a, b)").evaluate(value) == (a == b)
    assert parse("nand(a, b)").evaluate(value) != (a and b)
    assert parse("nor(a, b)").evaluate(value) != (a or b)


def test_events_are_found_and_renamed() -> None:
    formula = parse("a or (b and not a)")
    assert list(formula.events()) == ["a", "b", "a"]
    assert formula.rename({"a": "x"}) == f.any_of(f.event("x"), f.all_of(f.event("b"), f.negation(f.event("x"))))
