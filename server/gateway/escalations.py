"""What an escalation says: priority, summary and context, built here for every hand-over, whoever decided it."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.company import Company
from server.storage.store import Message
from server.texts import render, render_value

Json = dict[str, Any]

PRIORITY = {"safety": 3, "upset_customer": 2, "system_failure": 1, "repeated_failure": 1}
MAX_QUOTES = 3
MAX_QUOTE_CHARACTERS = 120
MAX_RANKING = 5


def priority_of(reason: str) -> int:
    """How urgent a reason is: 3 safety, 2 an upset customer, 1 something broken, 0 the rest."""
    return PRIORITY.get(reason, 0)


def summarise(company: Company, transcript: Sequence[Message], record: Mapping[str, Any], language: str) -> str:
    """One paragraph: what the customer wants, in their own last words, and what was understood."""
    said = [message.text for message in transcript if message.role == "customer"]
    quotes = " / ".join(_shorten(text) for text in said[-MAX_QUOTES:])
    intent = (record.get("parse") or {}).get("intent", {}).get("name")
    definition = company.intents.get(intent) if intent else None
    topic = render_value(definition.label, language) if definition else render("escalation.unclear", {}, language)
    key = "escalation.summary" if quotes else "escalation.nothing_said"
    return render(key, {"topic": topic, "count": len(said), "quotes": quotes}, language)


def context_of(record: Mapping[str, Any], slots: Mapping[str, Any], given: Mapping[str, Any] | None) -> Json:
    """What the agent needs beside the transcript; ``given`` is what the action that escalated added."""
    parse = record.get("parse") or {}
    dialogue = slots.get("dialogue") or {}
    context: Json = {
        "parse": {
            "intent": parse.get("intent"),
            "intent_ranking": (parse.get("intent_ranking") or [])[:MAX_RANKING],
            "entities": parse.get("entities") or [],
            **{key: parse.get(key) for key in ("text", "language", "threshold", "oos")},
        },
        "slots": slots,
        "customer": dialogue.get("customer"),
        "diagnosis": slots.get("diagnosis"),
        "passages": record.get("passages") or [],
        "suggestion": "",
    }
    context.update({key: value for key, value in (given or {}).items() if value})
    return context


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTE_CHARACTERS else line[: MAX_QUOTE_CHARACTERS - 1] + "…"
