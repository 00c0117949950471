"""One customer message as the dialogue sees it: the text, how it was understood, when, and in which language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import ValidationError

from server.company import Definition

FALLBACK_INTENT = "nlu_fallback"
DYNAMIC_INTENT = "dynamic"
DEFAULT_THRESHOLD = 0.6
"""Only used where a parse carries no threshold of its own, such as in ``rasa shell``."""

Decision = Literal["say", "answer", "skill", "diagnose", "handoff", "continue", "fallback"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A detail in the text: its kind, its normalised value, and the characters it was read from."""

    kind: str
    value: str
    raw: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An intent with its calibrated probability."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Wish:
    """Something else that the same message asks for: the words that say so, and the details among them."""

    intent: str
    confidence: float
    text: str
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer message to answer.

    ``understood`` is false where Rasa's fallback classifier refused the parse; ``decision`` is the action that Rasa
    chose; ``now`` carries the company's time zone; ``number`` is the message's ``seq``. ``also`` are further wishes in
    the same message; ``new`` is what an intent stands for that Rasa's model does not know yet.
    """

    conversation: str
    number: int
    text: str
    locale: str
    decision: Decision
    intent: str
    confidence: float
    understood: bool
    ranking: tuple[Candidate, ...]
    entities: tuple[Entity, ...]
    oos: float
    now: datetime
    also: tuple[Wish, ...] = ()
    new: Definition | None = None

    def entity(self, kind: str) -> str | None:
        """The normalised value of the first entity of a kind, or ``None``."""
        return next((entity.value for entity in self.entities if entity.kind == kind), None)

    @property
    def chosen(self) -> bool:
        """Whether the message is a press on a button that the bot offered."""
        return any(entity.kind in {"choice", "question"} for entity in self.entities) or self.text.startswith("/")


def read_turn(decision: Decision, latest: Mapping[str, Any], *, conversation: str, now: datetime) -> Turn:
    """Read Rasa's latest message into a `Turn`.

    Args:
        decision: The action that Rasa chose, without ``action_``.
        latest: ``tracker.latest_message``, whose ``metadata`` holds ``parse``, ``locale`` and ``turn`` when the gateway
            sent it; without them (``rasa shell``) the message's own intent and entities are used.
        conversation: Rasa's sender id, used when the metadata names none.
        now: The present moment in the company's time zone.
    """
    metadata = _mapping(latest.get("metadata"))
    parse = parse_of(latest) or latest
    seen = _mapping(latest.get("intent"))
    intent = _mapping(parse.get("intent"))
    name = str(parse.get("dynamic") or intent.get("name") or "")
    new = _definition(parse.get("definition")) if parse.get("dynamic") else None
    confidence = _number(intent.get("confidence"))
    threshold = _number(parse.get("threshold"), DEFAULT_THRESHOLD)
    refused = seen.get("name") == FALLBACK_INTENT or name in {"", FALLBACK_INTENT, DYNAMIC_INTENT}
    text = str(latest.get("text") or parse.get("text") or "")
    locale = metadata.get("locale") or parse.get("language")
    return Turn(
        conversation=str(metadata.get("conversation") or conversation),
        number=int(_number(metadata.get("turn"))),
        text=text,
        locale="en" if locale == "en" else "zh",
        decision=decision,
        intent=name,
        confidence=confidence,
        understood=not refused and confidence >= threshold,
        ranking=tuple(_candidates(parse)),
        entities=tuple(_entities(parse, text)),
        oos=_number(parse.get("oos")),
        now=now,
        also=tuple(_wishes(parse, text)),
        new=new,
    )


def parse_of(latest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parse that the gateway sent with Rasa's latest message; empty without one."""
    return _mapping(_mapping(latest.get("metadata")).get("parse"))


def _candidates(parse: Mapping[str, Any]) -> list[Candidate]:
    ranking = parse.get("intent_ranking") or []
    return [
        Candidate(str(item["name"]), _number(item.get("confidence")))
        for item in ranking
        if isinstance(item, Mapping) and item.get("name") not in {None, FALLBACK_INTENT, DYNAMIC_INTENT}
    ]


def _entities(parse: Mapping[str, Any], text: str) -> list[Entity]:
    found = []
    for item in parse.get("entities") or []:
        if not isinstance(item, Mapping) or item.get("entity") is None or item.get("value") is None:
            continue
        raw = item.get("raw")
        if raw is None:
            raw = text[int(_number(item.get("start"))) : int(_number(item.get("end")))]
        found.append(Entity(str(item["entity"]), str(item["value"]), str(raw)))
    return found


def _wishes(parse: Mapping[str, Any], text: str) -> list[Wish]:
    found = []
    for item in parse.get("also") or []:
        intent = _mapping(_mapping(item).get("intent"))
        if not intent.get("name"):
            continue
        start, end = int(_number(item.get("start"))), int(_number(item.get("end")))
        inside = [e for e in parse.get("entities") or [] if start <= int(_number(_mapping(e).get("start"))) < end]
        entities = tuple(_entities({"entities": inside}, text))
        found.append(Wish(str(intent["name"]), _number(intent.get("confidence")), text[start:end], entities))
    return found


def _definition(value: Any) -> Definition | None:
    try:
        return Definition.model_validate(value)
    except ValidationError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any, default: float = 0.0) -> float:
    return float(value) if isinstance(value, int | float) else default
