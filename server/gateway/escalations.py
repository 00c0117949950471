"""What an escalation says: priority, topic, summary and context, built here for every hand-over, whoever decided it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actions.state import State
from server.company import Company, Definition
from server.storage.store import Escalation, Message, Turn
from server.texts import render, render_value

Json = dict[str, Any]

PRIORITY = {"safety": 3, "upset_customer": 2, "system_failure": 1, "repeated_failure": 1}
MAX_QUOTES = 3
MAX_QUOTE_CHARACTERS = 120
MAX_RANKING = 5
MAX_UNDERSTOOD = 8


@dataclass(frozen=True, slots=True)
class Topic:
    """What a conversation is about: an intent's name where there is one, and in words."""

    intent: str | None
    words: str


def priority_of(reason: str) -> int:
    """How urgent a reason is: 3 safety, 2 an upset customer, 1 something broken, 0 the rest."""
    return PRIORITY.get(reason, 0)


def topic_of(company: Company, turns: Sequence[Turn], context: Mapping[str, Any], language: str) -> Topic:
    """What the customer wants done: the open task or diagnosis, else the last thing they asked for.

    Asking for a person, a yes or a bare number says how the conversation goes and not what it is about.
    """
    task = context.get("task") or next(iter(reversed(context.get("interrupted") or [])), None)
    if task:
        skill = next((one for one in company.intents.values() if one.skill == task.get("skill")), None)
        if skill is not None:
            return _topic(skill, language)
    diagnosis = context.get("diagnosis") or {}
    if diagnosis.get("symptom"):
        symptom = diagnosis.get("symptom_id")
        fault = next((one for one in company.intents.values() if symptom in one.symptoms), None)
        return Topic(fault.name if fault else None, str(diagnosis["symptom"]))
    for turn in reversed(turns):
        definition = company.intents.get((turn.record.get("parse") or {}).get("intent", {}).get("name") or "")
        if definition is not None and _is_topic(definition):
            return _topic(definition, language)
    return Topic(None, render("escalation.unclear", {}, language))


def _topic(definition: Definition, language: str) -> Topic:
    return Topic(definition.name, render_value(definition.label, language))


def _is_topic(definition: Definition) -> bool:
    if definition.do == "handoff":
        return definition.reason != "customer_asked"
    return definition.group != "dialogue"


def summarise(topic: Topic, transcript: Sequence[Message], context: Mapping[str, Any], language: str) -> str:
    """One paragraph: what the customer wants, in their own last words, and how far a diagnosis came."""
    said = [_words(message, language) for message in transcript if message.role == "customer"]
    quotes = " / ".join(_shorten(text) for text in said[-MAX_QUOTES:])
    key = "escalation.summary" if quotes else "escalation.nothing_said"
    told = render(key, {"topic": topic.words, "count": len(said), "quotes": quotes}, language)
    diagnosis = context.get("diagnosis") or {}
    hypotheses = diagnosis.get("hypotheses") or []
    if not hypotheses:
        return told
    likeliest = {
        "symptom": diagnosis.get("symptom", ""),
        "fault": hypotheses[0].get("fault", ""),
        "share": f"{float(hypotheses[0].get('probability') or 0):.0%}",
        "checks": len(diagnosis.get("checks") or []),
        "fixes": len(diagnosis.get("fixes") or []),
    }
    return f"{told} {render('escalation.diagnosis', likeliest, language)}"


def _words(message: Message, language: str) -> str:
    """A message as it is quoted: a picture is named, its words follow."""
    picture = f"[{render('escalation.picture', {}, language)}]" if message.extra.get("image") else ""
    return " ".join(part for part in (picture, message.text) if part)


def context_of(
    company: Company,
    turns: Sequence[Turn],
    transcript: Sequence[Message],
    slots: Mapping[str, Any],
    given: Mapping[str, Any] | None,
) -> Json:
    """What the agent needs beside the transcript; ``given`` is what the action that escalated added."""
    record = turns[-1].record if turns else {}
    parse = record.get("parse") or {}
    state = State.from_json(slots.get("dialogue"))
    context: Json = {
        "parse": {
            "intent": parse.get("intent"),
            "intent_ranking": (parse.get("intent_ranking") or [])[:MAX_RANKING],
            "entities": parse.get("entities") or [],
            **{key: parse.get(key) for key in ("text", "language", "threshold", "oos")},
        },
        "understood": _understood(company, turns, transcript),
        "slots": slots,
        "task": _task(state),
        "interrupted": [{"skill": task.skill, "args": task.args} for task in state.stack],
        "customer": state.customer,
        "line": state.line,
        "diagnosis": (slots.get("diagnosis") or {}).get("report"),
        "passages": record.get("passages") or [],
        "suggestion": "",
    }
    context.update({key: value for key, value in (given or {}).items() if value})
    return context


def _task(state: State) -> Json | None:
    if state.task is None:
        return None
    return {"skill": state.task.skill, "args": {k: v for k, v in state.task.args.items() if k != "confirmed"}}


def _understood(company: Company, turns: Sequence[Turn], transcript: Sequence[Message]) -> list[Json]:
    """How the customer's last messages were read, oldest first."""
    texts = {message.seq: message.text for message in transcript if message.role == "customer"}
    found = []
    for turn in turns[-MAX_UNDERSTOOD:]:
        parse = turn.record.get("parse") or {}
        intent = parse.get("intent") or {}
        definition = company.intents.get(intent.get("name") or "")
        if not parse or turn.seq not in texts:
            continue
        found.append(
            {
                "seq": turn.seq,
                "text": texts[turn.seq],
                "intent": intent.get("name"),
                "label": definition.label if definition else None,
                "confidence": intent.get("confidence"),
                "ranking": (parse.get("intent_ranking") or [])[:MAX_RANKING],
                "entities": parse.get("entities") or [],
            }
        )
    return found


def escalation_frame(escalation: Escalation, company: Company) -> Json:
    """The ``escalation`` frame of the desk."""
    definition = company.intents.get(escalation.topic or "")
    return {
        "type": "escalation",
        "conversation": escalation.conversation,
        "id": escalation.id,
        "state": escalation.state,
        "mode": "waiting" if escalation.state == "waiting" else "human",
        "channel": "web",
        "reason": escalation.reason,
        "priority": escalation.priority,
        "since": escalation.since,
        "language": escalation.language,
        "team": escalation.team,
        "skill": escalation.skill,
        "topic": escalation.topic,
        "topic_label": definition.label if definition else None,
        "customer": escalation.account,
        "summary": escalation.summary,
        "context": escalation.context,
    }


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTE_CHARACTERS else line[: MAX_QUOTE_CHARACTERS - 1] + "…"
