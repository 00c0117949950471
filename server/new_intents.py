"""New intents: what a person defines between two trainings, with a few examples, so that it is understood at once.

A definition is an entry of `intents.yml` with its `examples` beside it:

    intents:
      pet_damage:
        label: {zh: 宠物咬坏, en: Damage by a pet}
        description: {zh: 客户说宠物咬坏了设备。, en: The customer says that a pet damaged a device.}
        do: say
        text: {zh: …, en: …}
        examples: {zh: [我家狗把充电线咬断了, …], en: [my dog bit through the cable, …]}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from server.company import Definition
from server.settings import ConfigurationError

LEAST_EXAMPLES: Final = 3
_MOST_EXAMPLES: Final = 200


@dataclass(frozen=True)
class NewIntent:
    """A definition and the examples that stand in for training."""

    definition: Definition
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as it is stored."""
        return {"definition": self.definition.model_dump(mode="json"), "examples": list(self.examples)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NewIntent:
        """The inverse of `to_json`."""
        return cls(Definition.model_validate(data["definition"]), tuple(data["examples"]))


def read_file(path: Path, *, trained: Collection[str]) -> list[NewIntent]:
    """The new intents of a file. Raises `ConfigurationError` that names file and intent."""
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    entries = table.get("intents") if isinstance(table, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise ConfigurationError(f'{path}: expected "intents:" with a definition for each name')
    try:
        return [check(str(name), body, trained=trained) for name, body in entries.items()]
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def check(name: str, body: Any, *, trained: Collection[str]) -> NewIntent:
    """A definition from plain data. Raises `ConfigurationError` with what is wrong and how to mend it."""
    if name in trained:
        raise ConfigurationError(f'intent "{name}": it is trained already; choose another name, or add to nlu_data')
    if not isinstance(body, Mapping):
        raise ConfigurationError(f'intent "{name}": expected label, do and examples')
    examples = _examples(name, body.get("examples"))
    try:
        definition = Definition.model_validate({**{k: v for k, v in body.items() if k != "examples"}, "name": name})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "definition"
        raise ConfigurationError(f'intent "{name}": {place}: {first["msg"]}') from error
    return NewIntent(definition, examples)


def _examples(name: str, given: Any) -> tuple[str, ...]:
    groups = list(given.values()) if isinstance(given, Mapping) else [given]
    if not all(isinstance(group, list) and all(isinstance(one, str) for one in group) for group in groups):
        raise ConfigurationError(f'intent "{name}": examples: expected a list of sentences, or one for each language')
    found = tuple(dict.fromkeys(one.strip() for group in groups for one in group if one.strip()))
    if len(found) < LEAST_EXAMPLES:
        raise ConfigurationError(f'intent "{name}": {len(found)} examples; give at least {LEAST_EXAMPLES}')
    if len(found) > _MOST_EXAMPLES:
        raise ConfigurationError(f'intent "{name}": more than {_MOST_EXAMPLES} examples: train instead')
    return found


def digest(intents: Sequence[NewIntent]) -> str:
    """What stands for these intents between gateway and model service; empty for none."""
    if not intents:
        return ""
    plain = json.dumps([one.to_json() for one in intents], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def for_models(intents: Sequence[NewIntent]) -> dict[str, Any]:
    """The body of the model service's `PUT /intents`."""
    return {
        "digest": digest(intents),
        "intents": [
            {
                "name": one.definition.name,
                "examples": list(one.examples),
                "description": [text for text in one.definition.description.values() if text],
            }
            for one in intents
        ],
    }
