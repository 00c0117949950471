"""What is asked and what is read from the answer: codes, their probabilities, and spans of the original text."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.llm import prompts, schema
from server.llm.masking import Masked, masked
from server.llm.prompts import CODES, Shown, choice_logits, details, question
from server.llm.protocol import Completion, LlmError, Token

CANDIDATES = {"check_bill": "asks what is owed", "greet": "says hello", "order_status": "asks about an order"}
KINDS = {"phone_number": "a number", "place": "a city"}


def _asked(**more: Any) -> prompts.Question:
    return question("hi", "en", **{"candidates": CANDIDATES, "kinds": KINDS, "examples": [], **more})


def _answer(text: str, *tokens: Token) -> Completion:
    return Completion(text, tokens)


def test_the_prompt_shows_intents_kinds_and_examples_as_earlier_turns() -> None:
    shown = [
        Shown("hello", "greet"),
        Shown("call 199", "check_bill", (("phone_number", "199"), ("unheard_of", "call"))),
        Shown("what is love", "oos"),
        Shown("not offered", "cancel"),
    ]
    asked = _asked(examples=shown)
    assert [m.role for m in asked.messages] == ["system", *["user", "assistant"] * 3, "user"]
    assert "A: asks what is owed\nB: says hello\nC: asks about an order\nD: none of these" in asked.messages[0].content
    assert "place: a city" in asked.messages[0].content
    answers = [json.loads(m.content) for m in asked.messages if m.role == "assistant"]
    assert [a["intent"] for a in answers] == ["B", "A", "D"]
    assert answers[1]["entities"] == [{"kind": "phone_number", "text": "199"}]
    for a in answers:
        assert schema.problems(a, asked.schema) == []


def test_without_kinds_only_the_intent_is_asked_for() -> None:
    asked = _asked(kinds={})
    assert list(asked.schema["properties"]) == ["intent"]
    assert "details" not in asked.messages[0].content


def test_braces_in_descriptions_and_messages_are_only_text() -> None:
    asked = question("{intents} {0}", "zh", candidates={"a": "{kinds}", "b": "{}"}, kinds={}, examples=[])
    assert "A: {kinds}" in asked.messages[0].content
    assert asked.messages[-1].content == "{intents} {0}"


TOP = (("A", math.log(0.6)), ("B", math.log(0.3)), ("D", math.log(0.05)))


@pytest.mark.parametrize(
    "tokens",
    [
        [Token('{"intent": "', 0.0), Token("A", math.log(0.6), TOP), Token('"}', 0.0)],
        # The quotation mark and the code, or the code and what follows, may be one token.
        [Token('{"intent":', 0.0), Token(' "A', -0.5, tuple((' "' + t, p) for t, p in TOP)), Token('"}', 0.0)],
        [Token('{"intent": "', 0.0), Token('A"', -0.5, tuple((t + '"', p) for t, p in TOP)), Token("}", 0.0)],
        # Words that begin with a code's letter are other answers.
        [Token('{"intent": "', 0.0), Token("A", -0.5, (*TOP, ("Because", math.log(0.04)))), Token('"}', 0.0)],
    ],
)
def test_the_likeliest_tokens_are_a_distribution_over_the_intents(tokens: list[Token]) -> None:
    text = "".join(t.text for t in tokens)
    p = np.exp(choice_logits(_answer(text, *tokens), _asked()))
    assert p == pytest.approx([0.6, 0.3, 0.05, 0.05], abs=1e-6)


def test_two_spellings_of_a_code_add_up() -> None:
    top = (("A", math.log(0.5)), ('A"', math.log(0.25)), ("B", math.log(0.2)))
    p = np.exp(choice_logits(_answer('{"intent": "A"}', Token('{"intent": "', 0.0), Token("A", -0.7, top)), _asked()))
    assert p[:2] == pytest.approx([0.75, 0.2])


def test_without_log_probabilities_the_choice_stands_out() -> None:
    p = np.exp(choice_logits(_answer('{"intent": "B", "entities": []}'), _asked()))
    assert p.argmax() == 1
    assert p[1] == pytest.approx(0.9)
    assert p.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("text", ['{"intent": "Z"}', '{"other": "A"}', "A", ""])
def test_an_answer_without_a_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no code"):
        choice_logits(_answer(text), _asked())


@pytest.mark.parametrize(
    "text", ['{"intent": "Q", "entities": []}', '{"intent": "A"}', "[1", '{"intent": "A", "entities": [{"kind": "x"}]}']
)
def test_an_answer_outside_the_schema_is_nonsense(text: str) -> None:
    with pytest.raises(LlmError) as caught:
        _answer(text).value(_asked().schema)
    assert caught.value.cause == "nonsense"


def _named(*entities: tuple[str, str]) -> Completion:
    named = [{"kind": k, "text": t} for k, t in entities]
    return Completion(json.dumps({"intent": "A", "entities": named}, ensure_ascii=False))


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("👍🏽 订单ＱＨ４８２１ 到哪了", "ＱＨ４８２１", "ＱＨ４８２１"),
        ("👍🏽 订单ＱＨ４８２１ 到哪了", "QH4821", "ＱＨ４８２１"),  # full-width digits, written by the model as usual
        ("Café e\u0301clair in PARIS", "paris", "PARIS"),
        ("e\u0301clair, please", "éclair", "e\u0301clair"),  # a combining accent
        ("我在臺北", "台北", "臺北"),
        ("flight to Berlin.", " Berlin ", "Berlin"),
    ],
)
def test_details_are_spans_of_what_was_typed(text: str, words: str, expected: str) -> None:
    found, lost = details(_named(("place", words)), Masked(text, text))
    assert lost == 0
    assert [text[d.start : d.end] for d in found] == [expected]


def test_what_the_message_does_not_hold_is_lost_and_repeated_words_are_the_next_ones() -> None:
    text = "from Rome to Rome"
    found, lost = details(
        _named(("place", "Rome"), ("place", "Rome"), ("place", "Rome"), ("place", "Oslo"), ("place", "")),
        Masked(text, text),
    )
    assert [(d.start, d.end) for d in found] == [(5, 9), (13, 17)]
    assert lost == 3


def test_a_detail_is_as_likely_as_its_tokens() -> None:
    text = '{"intent": "A", "entities": [{"kind": "place", "text": "Rome"}, {"kind": "place", "text": "Bonn"}]}'
    tokens = [Token(text[: text.index("Rome")], 0.0), Token("Ro", math.log(0.5)), Token("me", math.log(0.5))]
    rest = text[text.index("Rome") + 4 : text.index("Bonn")]
    tokens += [Token(rest, 0.0), Token("Bonn", math.log(0.9)), Token('"}]}', math.log(0.1))]
    found, _ = details(Completion(text, tuple(tokens)), Masked("Rome Bonn", "Rome Bonn"))
    assert [d.probability for d in found] == pytest.approx([0.25, 0.9])


pieces = st.sampled_from(
    [
        "👍🏽",
        "👩‍👩‍👧",
        "é",
        "e\u0301",
        "５",
        "Ａ",
        "ﬁ",
        "½",
        "臺",
        "北",
        "a",
        "B",
        "7",
        " ",
        "\u200b",
        "[PHONE_1]",
        "-",
        "ñ",
    ]
)


@given(parts=st.lists(pieces, min_size=1, max_size=12), data=st.data())
def test_every_stretch_that_is_copied_is_found_where_it_is(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    start = data.draw(st.integers(0, len(parts) - 1))
    end = data.draw(st.integers(start + 1, len(parts)))
    words = "".join(parts[start:end])
    found, lost = details(_named(("place", words)), Masked(text, text))
    assert len(found) + lost == 1
    if words.strip():
        assert [text[d.start : d.end] for d in found] == [words.strip()]


class _Found:
    def __init__(self, start: int, end: int, kind: str = "PHONE") -> None:
        self.start, self.end, self.kind = start, end, kind


@given(parts=st.lists(pieces, min_size=1, max_size=12), data=st.data())
def test_personal_data_leaves_and_comes_back(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = [_Found(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False) if a < b]
    private = masked(text, lambda _: spans)
    assert private.restore(private.text) == text
    last = 0
    for span in spans:
        if span.start < last:
            continue
        last = span.end
        placeholder = private.pieces[[p.original_start for p in private.pieces].index(span.start)]
        assert private.span(placeholder.start, placeholder.end) == (span.start, span.end)
        # A detail that cuts a placeholder takes all that it stands for.
        assert private.span(placeholder.start + 1, placeholder.end - 1) == (span.start, span.end)


def test_a_detail_that_is_a_placeholder_is_the_words_behind_it() -> None:
    text = "打 19900000101 或 19900000102，还是 19900000101"
    spots = [(2, 13), (16, 27), (31, 42)]
    private = masked(text, lambda _: [_Found(a, b) for a, b in spots])
    assert private.text == "打 [PHONE_1] 或 [PHONE_2]，还是 [PHONE_1]"
    found, lost = details(
        _named(("phone_number", "[PHONE_2]"), ("phone_number", "PHONE_1"), ("phone_number", "[PHONE_1]")), private
    )
    assert lost == 0
    assert [(d.start, d.end) for d in found] == spots


def test_a_typed_placeholder_is_not_taken_for_one() -> None:
    text = "[PHONE_1] is not 19900000101"
    private = masked(text, lambda _: [_Found(17, 28)])
    assert private.text == "[PHONE_1] is not [PHONE_2]"
    assert (
        private.restore("call [PHONE_2], not [PHONE_1] or [PHONE_9]") == "call 19900000101, not [PHONE_1] or [PHONE_9]"
    )


def test_there_are_codes_for_as_many_candidates_as_are_allowed() -> None:
    many = {f"i{n}": "x" for n in range(prompts.MAX_CANDIDATES)}
    asked = _asked(candidates=many)
    assert asked.schema["properties"]["intent"]["enum"] == list(CODES)
