"""Generates what Rasa is trained on: domain and rules, from a company's intent definitions.

No customer text goes into Rasa: actions send message keys, the gateway renders them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FALLBACK_INTENT = "nlu_fallback"
DYNAMIC_INTENT = "dynamic"
ACTION_OF = {
    "say": "action_say",
    "answer": "action_answer",
    "skill": "action_skill",
    "diagnose": "action_diagnose",
    "handoff": "action_handoff",
}
FALLBACK_ACTION = "action_fallback"
CONTINUE_ACTION = "action_continue"


def domain(intents: Iterable[str], entities: Iterable[str]) -> dict[str, Any]:
    """The Rasa domain: intents, entities, slots and actions; no responses."""
    return {
        "version": "3.1",
        "intents": [{name: {"use_entities": []}} for name in [*sorted(intents), DYNAMIC_INTENT, FALLBACK_INTENT]],
        "entities": sorted(entities),
        "slots": {
            "awaiting": _slot("bool", influences=True),
            "dialogue": _slot("any", influences=False),
            "diagnosis": _slot("any", influences=False),
        },
        "actions": [*ACTION_OF.values(), CONTINUE_ACTION, FALLBACK_ACTION],
        "session_config": {"session_expiration_time": 0, "carry_over_slots_to_new_session": True},
    }


def rules(kind_of: Mapping[str, str]) -> dict[str, Any]:
    """One rule for each intent, and one for the same intent while a question of the bot is open.

    ``kind_of`` maps an intent to its ``do``. A hand-over does not wait for an open question.
    """
    steps: list[dict[str, Any]] = []
    for intent, kind in sorted(kind_of.items()):
        steps.append(_rule(intent, ACTION_OF[kind]))
        if kind != "handoff":
            steps.extend(_continue_rules(intent))
    for intent in (FALLBACK_INTENT, DYNAMIC_INTENT):
        steps.append(_rule(intent, FALLBACK_ACTION))
        steps.extend(_continue_rules(intent))
    return {"version": "3.1", "rules": steps}


def write(folder: Path, *, kind_of: Mapping[str, str], entities: Iterable[str], config: Path) -> None:
    """Writes ``domain.yml``, ``config.yml`` and ``data/`` for ``python -m kefu_bot train`` into ``folder``."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    _dump(folder / "domain.yml", domain(kind_of, entities))
    _dump(data / "rules.yml", rules(kind_of))
    _dump(data / "nlu.yml", _placeholder_examples(kind_of))
    (folder / "config.yml").write_bytes(config.read_bytes())


def _placeholder_examples(intents: Iterable[str]) -> dict[str, Any]:
    # A model without NLU data silently drops the NLU pipeline; nothing is learnt from these.
    return {"version": "3.1", "nlu": [{"intent": name, "examples": f"- {name}\n- {name} 1\n"} for name in intents]}


def _slot(kind: str, *, influences: bool) -> dict[str, Any]:
    return {"type": kind, "influence_conversation": influences, "mappings": [{"type": "custom"}]}


def _rule(intent: str, action: str) -> dict[str, Any]:
    return {"rule": intent, "steps": [{"intent": intent}, {"action": action}]}


def _continue_rules(intent: str) -> list[dict[str, Any]]:
    # Two endings: a rule's condition holds to its end, so "listen" after the question was answered needs a rule too.
    rules = []
    for ending, answered in (("the question stays open", False), ("the question is answered", True)):
        steps: list[dict[str, Any]] = [{"intent": intent}, {"action": CONTINUE_ACTION}]
        if answered:
            steps.append({"slot_was_set": [{"awaiting": False}]})
        rules.append(
            {
                "rule": f"{intent}, {ending}",
                "condition": [{"slot_was_set": [{"awaiting": True}]}],
                "steps": steps,
            }
        )
    return rules


def _dump(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
