"""Which tokens a language model may choose next, so that its answer follows a JSON schema. Pure: no model in here.

The automaton of `server.llm.schema` reads bytes; tokens are byte strings. A trie over the vocabulary is walked together
with the automaton, and what was found for a state is kept (the idea of Willard & Louf 2023, arXiv 2307.09702). Inside a
string almost every token may follow: those are looked up in one array, not walked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.llm import schema
from server.llm.schema import BACKSLASH, QUOTE, State, Str

_KEPT_MASKS: Final = 256
_OUTSIDE: Final = 32_000  # more characters than any token has: it does not stay inside a string
_LONGEST: Final = 256  # characters of a token inside a string; longer ones, if a vocabulary has any, are not used
_END: Final = -1  # in a trie node: the tokens that end here

Trie = dict[int, Any]
Mask = NDArray[np.bool_]


class Vocabulary:
    """A model's tokens as bytes; None for those that stand for no text (the ends of turns, padding)."""

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        self.tokens = list(tokens)
        self.size = len(self.tokens)
        self.textual: Mask = np.array([bool(t) for t in self.tokens])
        self._trie = _trie(enumerate(self.tokens))
        closing = [(i, t) for i, t in enumerate(self.tokens) if t is not None and (QUOTE in t or BACKSLASH in t)]
        self._closing = _trie(closing)
        self._inside = {utf8: self._characters(utf8) for utf8 in (0, *schema.UTF8)}
        self._masks: OrderedDict[State, Mask] = OrderedDict()

    def mask(self, state: State) -> Mask:
        """True for every token that may follow, (size,). Shared: do not write to it."""
        key = frozenset(_bounded(stack) for stack in state)
        known = self._masks.get(key)
        if known is not None:
            self._masks.move_to_end(key)
            return known
        mask = np.zeros(self.size, np.bool_)
        walked: set[schema.Stack] = set()
        for stack in key:
            if stack is not None and isinstance(stack[0], Str) and not stack[0].escaped:
                mask |= self._inside[stack[0].utf8] <= stack[0].room
                # What is left are tokens that close the string or hold an escape.
                self._walk(self._closing, frozenset({stack}), mask)
            else:
                walked.add(stack)
        if walked:
            self._walk(self._trie, frozenset(walked), mask)
        self._masks[key] = mask
        if len(self._masks) > _KEPT_MASKS:
            self._masks.popitem(last=False)
        return mask

    def advance(self, state: State, token: int) -> State:
        """The state after a token; empty where it may not follow."""
        for byte in self.tokens[token] or b"":
            state = schema.step(state, byte)
        return state

    def spell(self, text: bytes) -> list[int]:
        """Tokens that spell a text, the longest first at each place.

        Raises `SchemaError` where the vocabulary has no token for one of its bytes (some rare characters).
        """
        found: list[int] = []
        at = 0
        while at < len(text):
            node, best, end = self._trie, None, at
            for i in range(at, len(text)):
                node = node.get(text[i], {})
                if not node:
                    break
                if _END in node:
                    best, end = node[_END][0], i + 1
            if best is None:
                raise schema.SchemaError(f"this model has no token that begins with byte {text[at]:#04x}")
            found.append(best)
            at = end
        return found

    def _walk(self, trie: Trie, state: State, mask: Mask) -> None:
        waiting: list[tuple[Trie, State]] = [(trie, state)]
        while waiting:
            node, at = waiting.pop()
            for byte, child in node.items():
                if byte == _END:
                    mask[child] = True
                    continue
                reached = schema.step(at, byte)
                if reached:
                    waiting.append((child, reached))

    def _characters(self, utf8: int) -> NDArray[np.int16]:
        """How many characters each token begins inside a string, `_OUTSIDE` for those that do not stay inside it."""
        counts = np.full(self.size, _OUTSIDE, np.int16)
        start = Str(0, _OUTSIDE, utf8)
        waiting: list[tuple[Trie, Str]] = [(self._trie, start)]
        while waiting:
            node, at = waiting.pop()
            for byte, child in node.items():
                if byte == _END:
                    counts[child] = _OUTSIDE - at.room
                elif byte not in (QUOTE, BACKSLASH):
                    reached = schema.inside_string(at, byte)
                    if reached is not None:
                        waiting.append((child, reached))
        return counts


def _bounded(stack: schema.Stack) -> schema.Stack:
    """The stack with a string's room cut to what matters, so that a long string is one state and not hundreds."""
    if stack is None or not isinstance(stack[0], Str):
        return stack
    top, rest = stack
    return (Str(min(top.least, _LONGEST), min(top.room, _LONGEST), top.utf8, top.escaped), rest)


def _trie(tokens: Any) -> Trie:
    root: Trie = {}
    for index, token in tokens:
        if not token:
            continue
        node = root
        for byte in token:
            node = node.setdefault(byte, {})
        node.setdefault(_END, []).append(index)
    return root
