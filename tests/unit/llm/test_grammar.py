"""Constrained decoding: whatever a model prefers, what comes out is JSON that follows the schema."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader
from hypothesis import given, settings
from hypothesis import strategies as st

from server.llm import gguf, schema
from server.llm.grammar import Vocabulary
from server.llm.local import byte_of_character, generate
from server.llm.protocol import Message, Request

CONTROL = 3


@cache
def vocabulary() -> Vocabulary:
    """The real vocabulary of the embedded model."""
    reader = GGUFReader(gguf.embedded())
    table = byte_of_character()
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    return Vocabulary(
        [None if k == CONTROL else bytes(table[c] for c in t) for t, k in zip(tokens, kinds, strict=True)]
    )


class Anything:
    """A decoder that prefers random tokens, and ends of answers most of all."""

    name = "anything"
    context = 100_000
    ends = frozenset({2})

    def __init__(self, seed: int) -> None:
        self.vocabulary = vocabulary()
        self._rng = np.random.default_rng(seed)

    def chat(self, messages: object) -> list[int]:
        return [1]

    def known(self, ids: object) -> int:
        return 0

    def logits(self, ids: object) -> Any:
        scores = self._rng.normal(size=self.vocabulary.size).astype(np.float32)
        scores[2] = 100
        return scores


# The embedded model has no bytes for the planes from U+40000 on.
names = st.text(alphabet=st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
scalars = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": "number"}),
    st.just({"type": "integer"}),
    st.builds(lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
              st.integers(0, 4), st.integers(0, 12)),
    st.lists(st.one_of(names, st.integers(-99, 99), st.booleans()), min_size=1, max_size=5).map(lambda v: {"enum": v}),
    names.map(lambda v: {"const": v}),
)  # fmt: skip


def _object(properties: dict[str, Any], optional: set[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [n for n in properties if n not in optional]}


def _nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.dictionaries(names, inner, max_size=3).flatmap(
        lambda p: (
            st.builds(_object, st.just(p), st.sets(st.sampled_from(sorted(p)))) if p else st.just(_object(p, set()))
        )
    )
    arrays = st.builds(
        lambda item, least, more: {"type": "array", "items": item, "minItems": least, "maxItems": least + more},
        inner, st.integers(0, 2), st.integers(0, 2),
    )  # fmt: skip
    return st.one_of(objects, arrays, st.lists(inner, min_size=1, max_size=3).map(lambda o: {"anyOf": o}))


schemas = st.recursive(scalars, _nested, max_leaves=5)


@settings(max_examples=30, deadline=None)
@given(wanted=schemas, seed=st.integers(0, 2**31), room=st.integers(0, 60))
def test_any_answer_parses_and_follows_its_schema(wanted: dict[str, Any], seed: int, room: int) -> None:
    shortest = len(schema.shortest_end(schema.compiled(wanted)))
    request = Request([Message("user", "x")], max_tokens=shortest + room, schema=wanted, top_logprobs=2)
    pieces = list(generate(Anything(seed), request))
    text = b"".join(p.data for p in pieces).decode()
    assert schema.problems(json.loads(text), wanted) == []
    assert len(pieces) <= shortest + room
    assert all(p.logprob <= 1e-5 for p in pieces)


@settings(max_examples=30, deadline=None)
@given(value=st.text(max_size=20))
def test_every_string_that_json_writes_with_plain_escapes_is_read(value: str) -> None:
    text = json.dumps(value, ensure_ascii=False)
    state = schema.compiled({"type": "string"})
    for byte in text.encode("utf-8", "surrogatepass"):
        state = schema.step(state, byte)
    if "\\u" not in text:
        assert schema.accepts(state)


@pytest.mark.parametrize("text", ["-0.5", "0", "17", "-3", "3.25"])
def test_numbers_are_read(text: str) -> None:
    state = schema.compiled({"type": "number"})
    for byte in text.encode():
        state = schema.step(state, byte)
    assert schema.accepts(state)


@pytest.mark.parametrize("text", ["01", "-", ".5", "1e9", "+1", "--1"])
def test_what_is_no_number_is_not(text: str) -> None:
    state = schema.compiled({"type": "number"})
    for byte in text.encode():
        state = schema.step(state, byte)
    assert not schema.accepts(state)


@pytest.mark.parametrize("data", [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80"])
def test_bytes_that_are_no_character_stop_a_string(data: bytes) -> None:
    state = schema.compiled({"type": "string"})
    for byte in b'"' + data:
        state = schema.step(state, byte)
    assert state == frozenset()


def test_a_mask_allows_exactly_the_tokens_that_the_automaton_reads() -> None:
    words = vocabulary()
    properties = {"a": {"type": "string", "maxLength": 3}, "b": {"enum": ["早上好", 'say "hi"']}}
    wanted = {"type": "object", "required": ["a"], "properties": properties}
    for start in (b"", b'{"a', b'{"a": "', b'{"a": "x\\', b'{"a": "\xe6\x97', b'{"a": "abc', b'{"a": "", "b": "'):
        state = schema.compiled(wanted)
        for byte in start:
            state = schema.step(state, byte)
        mask = words.mask(state)
        for token in range(0, words.size, 3):
            readable = bool(words.tokens[token]) and bool(words.advance(state, token))
            assert readable == bool(mask[token]), (start, words.tokens[token])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"type": "text"}, r"\$.type: 'text' is not supported"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}, r"\$.properties.a.pattern"),
        ({"type": "object", "properties": {}, "required": ["b"]}, "'b' is not among the properties"),
        ({"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 1}, "minItems"),
        ({"enum": []}, "at least one value"),
        ([], "expected a schema object"),
    ],
)
def test_a_schema_outside_the_subset_is_named_with_its_place(wanted: Any, message: str) -> None:
    with pytest.raises(schema.SchemaError, match=message):
        schema.compiled(wanted)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"a": 1, "b": True}, False), ({"a": True, "b": True}, True), ({"a": 1}, True), ({"a": 1, "b": 1}, True),
        ({"a": 1, "b": False, "c": 0}, True), ([1], True), ({"a": 1, "b": True, "list": ["x"]}, False),
        ({"a": 1, "b": True, "list": ["x", "y", "z"]}, True), ({"a": 1, "b": True, "list": ["long"]}, True),
    ],
)  # fmt: skip
def test_answers_of_others_are_checked(value: Any, wrong: bool) -> None:
    wanted = {
        "type": "object", "required": ["a", "b"],
        "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"},
                       "list": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 3}}},
    }  # fmt: skip
    assert bool(schema.problems(value, wanted)) == wrong
