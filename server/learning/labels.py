"""Labels: what a person says that a message means; when two contradict each other; how they become examples. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from server.nlu.data import OUT_OF_SCOPE, Example, Span
from server.nlu.text import align

Json = dict[str, Any]
VERDICTS: Final = ("intent", "out_of_scope", "not_a_question")
_PLACE: Final = re.compile(r"<([A-Z_]+)>")
# What stands for personal data in an example: the masked text would teach the model a sign that no customer writes.
_STANDS_FOR: Final[Mapping[str, Mapping[str, str]]] = {
    "PHONE": {"zh": "19900000000", "en": "199 0000 0000"},
    "ID_CARD": {"zh": "110101199001011234", "en": "110101199001011234"},
    "BANK_CARD": {"zh": "6222020000000000", "en": "6222 0200 0000 0000"},
    "EMAIL": {"zh": "name@example.com", "en": "name@example.com"},
    "ADDRESS": {"zh": "中山路1号", "en": "1 Main Street"},
    "NAME": {"zh": "王先生", "en": "Mr Smith"},
    "ACCOUNT": {"zh": "88001234", "en": "88001234"},
    "PLATE": {"zh": "京A12345", "en": "A12345"},
    "PASSPORT": {"zh": "E12345678", "en": "E12345678"},
}


@dataclass(frozen=True)
class Label:
    """An accepted label with its origin; `text` is masked, `entities` are its spans (code points, end exclusive)."""

    id: int
    text: str
    language: str
    verdict: str
    intent: str | None
    entities: tuple[tuple[int, int, str], ...]
    conversation: str
    seq: int
    author: str
    at: str
    why: tuple[str, ...]

    @property
    def taught(self) -> str | None:
        """The intent that it teaches, `oos` included; None where it teaches nothing."""
        return {"intent": self.intent, "out_of_scope": OUT_OF_SCOPE}.get(self.verdict)


def text_key(text: str, language: str) -> str:
    """The same for texts that differ in case, width, punctuation or spaces only: they cannot mean different things."""
    words = "".join(character for character in align(text).text.lower() if character.isalnum())
    return hashlib.sha256(f"{language} {words or text}".encode()).hexdigest()[:32]


def meaning(verdict: str, intent: str | None, entities: Iterable[Sequence[Any]]) -> tuple[object, ...]:
    """What two labels of one text have to agree on."""
    return verdict, intent, tuple(sorted((int(s), int(e), str(k)) for s, e, k in entities))


def contradict(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two labels of the same text say different things.

    Spans count only where it is the same message: another one may be longer by a space.
    """
    if (one["verdict"], one["intent"]) != (other["verdict"], other["intent"]):
        return True
    same = one["item"] == other["item"]
    return same and meaning(one["verdict"], one["intent"], one["entities"]) != meaning(
        other["verdict"], other["intent"], other["entities"]
    )


def spans_that_stand(raw: Iterable[Mapping[str, Any]], text: str) -> list[tuple[int, int, str]]:
    """Where entities of a message lie in its masked text, found by their words; what was masked is left out."""
    found: list[tuple[int, int, str]] = []
    at = 0
    for one in raw:
        words = str(one.get("raw") or "")
        start = text.find(words, at) if words else -1
        if start >= 0:
            at = start + len(words)
            found.append((start, at, str(one["entity"])))
    return found


def problem_of(spans: Sequence[tuple[int, int, str]], text: str, kinds: Iterable[str]) -> str | None:
    """What is wrong with spans that somebody marked, in words; None where nothing is."""
    known = set(kinds)
    last = 0
    for start, end, kind in sorted(spans):
        if kind not in known:
            return f"there is no kind of detail called '{kind[:64]}'; known: {', '.join(sorted(known)) or 'none'}"
        if not 0 <= start < end <= len(text) or not text[start:end].strip():
            return f"the span {start}:{end} marks no words of the text ({len(text)} characters)"
        if start < last:
            return f"the span {start}:{end} overlaps the one before it"
        last = end
    return None


def filled(label: Label) -> Example:
    """The label as an example to learn from, with made-up data in place of what was masked."""
    text, spans, shift = "", list(label.entities), 0
    moves: list[tuple[int, int]] = []
    last = 0
    for match in _PLACE.finditer(label.text):
        stand_in = _STANDS_FOR.get(match[1], {}).get(label.language, "")
        if not stand_in:
            continue
        text += label.text[last : match.start()] + stand_in
        last = match.end()
        shift += len(stand_in) - len(match[0])
        moves.append((match.end(), shift))
    text += label.text[last:]

    def shifted(place: int) -> int:
        return place + next((move for end, move in reversed(moves) if place >= end), 0)

    kept = tuple(Span(shifted(s), shifted(e), kind, text[shifted(s) : shifted(e)]) for s, e, kind in spans)
    return Example(text, label.taught or "", kept, f"label:{label.id}")


def rasa_yaml(labels: Iterable[Label], *, fill: bool = False) -> str:
    """The labels that teach something, in Rasa's format, each with its origin in the metadata; by intent, in order.

    `fill` puts made-up data in place of what was masked, as training wants it.
    """
    by_intent: dict[str, list[Json]] = defaultdict(list)
    for label in sorted(labels, key=lambda one: one.id):
        if label.taught is None:
            continue
        example = filled(label) if fill else None
        text = example.text if example else label.text
        spans = [(s.start, s.end, s.entity) for s in example.entities] if example else list(label.entities)
        by_intent[label.taught].append(
            {
                "text": marked(text, spans),
                "metadata": {
                    "conversation": label.conversation,
                    "seq": label.seq,
                    "by": label.author,
                    "at": label.at,
                    "why": list(label.why),
                },
            }
        )
    items = [{"intent": intent, "examples": rows} for intent, rows in sorted(by_intent.items())]
    return yaml.safe_dump({"version": "3.1", "nlu": items}, allow_unicode=True, sort_keys=False, width=1000)


def marked(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """`text` with its entities in Rasa's marks; brackets that a customer wrote lose their meaning."""
    parts, at = [], 0
    for start, end, kind in sorted(spans):
        surface = text[start:end].replace("[", "(").replace("]", ")")
        parts += [_harmless(text[at:start]), f"[{surface}]({kind})"]
        at = end
    return " ".join("".join([*parts, _harmless(text[at:])]).split("\n"))


def _harmless(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")
