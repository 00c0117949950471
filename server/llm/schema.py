"""The part of JSON Schema that answers are constrained to: compiled to a byte automaton, and checked on values.

Types object, array, string, number, integer, boolean and null; `enum`, `const`, `anyOf`; `minLength`, `maxLength`,
`minItems`, `maxItems`. Objects are closed: exactly their `properties`, in that order, the `required` ones always.
The text that the automaton accepts is what `json.dumps` writes with its usual separators, so no white space can go on
for ever; strings, arrays and numbers are bounded for the same reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MAX_STRING: Final = 1_000  # characters, where the schema gives no maxLength
MAX_ITEMS: Final = 64  # where it gives no maxItems
_INTEGER_DIGITS: Final = 15  # exact in a 64-bit float
_FRACTION_DIGITS: Final = 6
_KEYWORDS: Final = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "number": set[str](),
    "integer": set[str](),
    "boolean": set[str](),
    "null": set[str](),
}
_PYTHON_TYPES: Final[Mapping[str, Any]] = {
    "object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip
_ANNOTATIONS: Final = {"type", "title", "description", "$schema", "default", "examples"}


class SchemaError(ValueError):
    """The schema asks for something outside the subset; the message names the place in it."""


# ---------------------------------------------------------------- the automaton's parts

# Parts that only exist once, at compilation, are compared by identity; those made while text is read by value.


@dataclass(frozen=True)
class Lit:
    """Fixed bytes, from position `at` on."""

    text: bytes
    at: int = 0


@dataclass(frozen=True)
class OneOf:
    """One byte of a set."""

    allowed: bytes


@dataclass(frozen=True)
class Str:
    """The inside of a string and its closing quote: at least `least` characters more, at most `room`.

    `utf8` is what the bytes of an unfinished character still need (`UTF8`), `escaped` follows a backslash.
    """

    least: int
    room: int
    utf8: int = 0
    escaped: bool = False


@dataclass(frozen=True, eq=False)
class Seq:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Alt:
    """One of them."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Digits:
    """Between `least` and `most` digits."""

    least: int
    most: int


@dataclass(frozen=True)
class Items:
    """The rest of an array after `count` items, with its closing bracket."""

    item: Node
    count: int
    least: int
    most: int


Node = Lit | OneOf | Str | Seq | Alt | Digits | Items
Terminal = Lit | OneOf | Str
# A stack of what is still to come, the next part first; None is the end of the text.
Stack = tuple[Any, "Stack"] | None
State = frozenset[Stack]
"""Every way in which the text so far can go on; a `None` in it: the text may end here."""

_DIGIT: Final = OneOf(b"0123456789")
_ESCAPES: Final = b'"\\/bfnrt'
QUOTE: Final = 0x22
BACKSLASH: Final = 0x5C

# UTF-8 byte by byte (RFC 3629, section 4): state → (lowest, highest, next state).
UTF8: Final[Mapping[int, tuple[int, int, int]]] = {
    1: (0x80, 0xBF, 0),
    2: (0x80, 0xBF, 1),
    3: (0x80, 0xBF, 2),
    4: (0xA0, 0xBF, 1),
    5: (0x80, 0x9F, 1),
    6: (0x90, 0xBF, 2),
    7: (0x80, 0x8F, 2),
}
_LEADS: Final = {0xE0: 4, 0xED: 5, 0xF0: 6, 0xF4: 7}


def utf8_lead(byte: int) -> int | None:
    """The state after the first byte of a character; 0 where it is complete, None where no character begins so."""
    if byte < 0x80:
        return 0
    if byte in _LEADS:
        return _LEADS[byte]
    if 0xC2 <= byte <= 0xDF:
        return 1
    if 0xE1 <= byte <= 0xEF:
        return 2
    return 3 if 0xF1 <= byte <= 0xF3 else None


# ---------------------------------------------------------------- compilation


def compiled(schema: Mapping[str, Any]) -> State:
    """The automaton's first state for a schema. Raises `SchemaError` outside the subset."""
    return _expand((_node(schema, "$"), None))


def _node(schema: Any, place: str) -> Node:
    if not isinstance(schema, Mapping):
        raise SchemaError(f"{place}: expected a schema object, got {type(schema).__name__}")
    if "enum" in schema or "const" in schema:
        _only(schema, {"enum", "const"}, place)
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise SchemaError(f"{place}.enum: expected a list with at least one value")
        return Alt(tuple(Lit(_dumped(value)) for value in values))
    if "anyOf" in schema:
        _only(schema, {"anyOf"}, place)
        options = schema["anyOf"]
        if not isinstance(options, list) or not options:
            raise SchemaError(f"{place}.anyOf: expected a list with at least one schema")
        return Alt(tuple(_node(option, f"{place}.anyOf[{i}]") for i, option in enumerate(options)))
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise SchemaError(f"{place}.type: {kind!r} is not supported; use one of {', '.join(_KEYWORDS)}")
    _only(schema, _KEYWORDS[kind], place)
    if kind == "object":
        return _object(schema, place)
    if kind == "array":
        least, most = _bounds(schema, "minItems", "maxItems", MAX_ITEMS, place)
        item = _node(schema.get("items", {}), f"{place}.items")
        return Seq((Lit(b"["), Items(item, 0, least, most)))
    if kind == "string":
        least, most = _bounds(schema, "minLength", "maxLength", MAX_STRING, place)
        return Seq((Lit(b'"'), Str(least, most)))
    if kind == "boolean":
        return Alt((Lit(b"true"), Lit(b"false")))
    if kind == "null":
        return Lit(b"null")
    whole = Alt((Lit(b"0"), Seq((OneOf(b"123456789"), Digits(0, _INTEGER_DIGITS - 1)))))
    signed: Node = Alt((whole, Seq((Lit(b"-"), whole))))
    if kind == "integer":
        return signed
    return Alt((signed, Seq((signed, Lit(b"."), Digits(1, _FRACTION_DIGITS)))))


def _object(schema: Mapping[str, Any], place: str) -> Node:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise SchemaError(f"{place}: properties must be an object and required a list")
    if schema.get("additionalProperties", False) is not False:
        raise SchemaError(f"{place}.additionalProperties: only false is supported")
    missing = [name for name in required if name not in properties]
    if missing:
        raise SchemaError(f"{place}.required: {missing[0]!r} is not among the properties")
    values = [(str(n), _node(s, f"{place}.properties.{n}"), n in required) for n, s in properties.items()]
    # From the last property to the first: what may follow after something was written, and after nothing was.
    after: Node = Lit(b"}")
    fresh: Node = Lit(b"}")
    for name, value, always in reversed(values):
        key = _dumped(name) + b": "
        written_after = Seq((Lit(b", " + key), value, after))
        written_fresh = Seq((Lit(key), value, after))
        after, fresh = (
            (written_after, written_fresh) if always else (Alt((written_after, after)), Alt((written_fresh, fresh)))
        )
    return Seq((Lit(b"{"), fresh))


def _only(schema: Mapping[str, Any], known: set[str], place: str) -> None:
    unknown = sorted(set(schema) - known - _ANNOTATIONS)
    if unknown:
        raise SchemaError(f"{place}.{unknown[0]}: this keyword is not supported here")


def _bounds(schema: Mapping[str, Any], low: str, high: str, highest: int, place: str) -> tuple[int, int]:
    least, most = schema.get(low, 0), schema.get(high, highest)
    if not all(isinstance(x, int) and not isinstance(x, bool) for x in (least, most)) or not 0 <= least <= most:
        raise SchemaError(f"{place}: {low} and {high} must be whole numbers with 0 <= {low} <= {high}")
    return least, most


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# ---------------------------------------------------------------- reading


def _expand(stack: Stack) -> State:
    """Ways to go on, each with a byte to read first, or the end."""
    found: set[Stack] = set()
    waiting: list[Stack] = [stack]
    while waiting:
        one = waiting.pop()
        if one is None:
            found.add(None)
            continue
        top, rest = one
        if isinstance(top, Seq):
            for part in reversed(top.parts):
                rest = (part, rest)
            waiting.append(rest)
        elif isinstance(top, Alt):
            waiting += [(option, rest) for option in top.options]
        elif isinstance(top, Digits):
            if top.least <= 0:
                waiting.append(rest)
            if top.most > 0:
                found.add((_DIGIT, (Digits(max(top.least - 1, 0), top.most - 1), rest)))
        elif isinstance(top, Items):
            if top.count >= top.least:
                found.add((Lit(b"]"), rest))
            if top.count < top.most:
                following: Stack = (top.item, (Items(top.item, top.count + 1, top.least, top.most), rest))
                waiting.append((Lit(b", "), following) if top.count else following)
        else:
            found.add(one)
    return frozenset(found)


def step(state: State, byte: int) -> State:
    """The state after one more byte; empty where the text cannot go on so."""
    reached: set[Stack] = set()
    for stack in state:
        if stack is None:
            continue
        top, rest = stack
        if isinstance(top, Lit):
            if top.text[top.at] == byte:
                last = top.at + 1 == len(top.text)
                reached |= _expand(rest if last else (Lit(top.text, top.at + 1), rest))
        elif isinstance(top, OneOf):
            if byte in top.allowed:
                reached |= _expand(rest)
        elif byte == QUOTE and not top.escaped and not top.utf8 and top.least <= 0:
            reached |= _expand(rest)
        else:
            inside = inside_string(top, byte)
            if inside is not None:
                reached.add((inside, rest))
    return frozenset(reached)


def inside_string(at: Str, byte: int) -> Str | None:
    """The string after one more byte that does not close it; None where that byte cannot stand there."""
    if at.escaped:
        return Str(max(at.least - 1, 0), at.room) if byte in _ESCAPES else None
    if at.utf8:
        low, high, following = UTF8[at.utf8]
        return Str(at.least, at.room, following) if low <= byte <= high else None
    if byte < 0x20 or byte == QUOTE or at.room <= 0:
        return None
    if byte == BACKSLASH:
        return Str(at.least, at.room - 1, escaped=True)
    lead = utf8_lead(byte)
    return None if lead is None else Str(max(at.least - 1, 0), at.room - 1, lead)


def accepts(state: State) -> bool:
    """Whether the text may end here."""
    return None in state


def forced(state: State, limit: int = 4096) -> bytes:
    """The bytes that must come next, as far as there is no choice."""
    text = bytearray()
    while len(text) < limit and not accepts(state):
        choices = {_only_byte(stack) for stack in state}
        if len(choices) != 1:
            break
        byte = choices.pop()
        if byte is None:
            break
        text.append(byte)
        state = step(state, byte)
    return bytes(text)


def _only_byte(stack: Stack) -> int | None:
    assert stack is not None
    top = stack[0]
    if isinstance(top, Lit):
        return top.text[top.at]
    if isinstance(top, Str) and top.room <= 0 and not top.utf8 and not top.escaped:
        return QUOTE
    return None


def shortest_end(state: State) -> bytes:
    """A shortest way to finish the text from here."""
    return min((_stack_end(stack) for stack in state), key=lambda text: (len(text), text))


def _stack_end(stack: Stack) -> bytes:
    text = b""
    while stack is not None:
        top, stack = stack
        text += _node_end(top)
    return text


def _node_end(node: Node) -> bytes:
    if isinstance(node, Lit):
        return node.text[node.at :]
    if isinstance(node, OneOf):
        return node.allowed[:1]
    if isinstance(node, Digits):
        return b"0" * node.least
    if isinstance(node, Seq):
        return b"".join(_node_end(part) for part in node.parts)
    if isinstance(node, Alt):
        return min((_node_end(option) for option in node.options), key=len)
    if isinstance(node, Items):
        missing = max(node.least - node.count, 0)
        items = [_node_end(node.item)] * missing
        return (b", " if node.count and missing else b"") + b", ".join(items) + b"]"
    start, need = b"", node.utf8
    while need:
        low, _, need = UTF8[need]
        start += bytes([low])
    least = node.least
    if node.escaped:
        start, least = b"n", max(least - 1, 0)
    return start + b"x" * least + b'"'


# ---------------------------------------------------------------- checking values


def problems(value: Any, schema: Mapping[str, Any], place: str = "$") -> list[str]:
    """Where a parsed answer does not follow the schema, whoever made it; empty where it does."""
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        same = any(type(value) is type(v) and value == v for v in values)
        return [] if same else [f"{place}: not one of the {len(values)} allowed values"]
    if "anyOf" in schema:
        tries = [problems(value, option, place) for option in schema["anyOf"]]
        return [] if any(not found for found in tries) else tries[0]
    kind = schema["type"]
    types = _PYTHON_TYPES[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{place}: expected {kind}, got {type(value).__name__}"]
    if kind == "object":
        properties = schema.get("properties", {})
        found = [f"{place}: {n!r} is missing" for n in schema.get("required", []) if n not in value]
        found += [f"{place}: {n!r} is not known" for n in value if n not in properties]
        for name in value.keys() & properties.keys():
            found += problems(value[name], properties[name], f"{place}.{name}")
        return found
    if kind == "array":
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", MAX_ITEMS):
            return [f"{place}: {len(value)} items are too few or too many"]
        return [p for i, item in enumerate(value) for p in problems(item, schema["items"], f"{place}[{i}]")]
    if kind == "string" and not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", MAX_STRING):
        return [f"{place}: {len(value)} characters are too few or too many"]
    return []
