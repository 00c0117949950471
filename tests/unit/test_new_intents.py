"""Definitions of new intents: what is taken, what is refused and how that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.new_intents import NewIntent, check, digest, for_models, read_file
from server.settings import ConfigurationError

BODY: dict[str, Any] = {
    "label": {"zh": "宠物咬坏", "en": "Damage by a pet"},
    "description": {"zh": "客户说宠物咬坏了设备。", "en": "The customer says that a pet damaged a device."},
    "do": "say",
    "text": {"zh": "可以到营业厅换线。", "en": "A shop can replace the cable."},
    "examples": {"zh": ["我家狗把充电线咬断了"], "en": ["my dog bit through the cable", "the cat chewed my charger"]},
}


def test_a_definition_is_kept_as_it_was_given() -> None:
    made = check("pet_damage", BODY, trained=())
    assert len(made.examples) == 3
    assert NewIntent.from_json(made.to_json()) == made
    sent = for_models([made])
    assert sent["digest"] == digest([made]) != digest([]) == ""
    assert sent["intents"][0]["name"] == "pet_damage"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"examples": ["one"]}, "1 examples; give at least 3"),
        ({"examples": [1, 2, 3]}, "expected a list of sentences"),
        ({"examples": None}, "expected a list of sentences"),
        ({"do": "skill"}, "needs skill"),
        ({"do": "fly"}, "do:"),
        ({"colour": "red"}, "colour"),
        ({"text": {}}, "needs text"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check("pet_damage", {**BODY, **change}, trained=())


def test_a_trained_intent_is_not_new() -> None:
    with pytest.raises(ConfigurationError, match="trained already"):
        check("greet", BODY, trained={"greet"})


def test_a_file_is_named_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "new.yml"
    path.write_text("intents: {pet_damage: {do: say, examples: [a, b]}}")
    with pytest.raises(ConfigurationError, match=r"new\.yml: intent \"pet_damage\": 2 examples"):
        read_file(path, trained=())
    path.write_text("nothing: here")
    with pytest.raises(ConfigurationError, match='expected "intents:"'):
        read_file(path, trained=())
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_file(path, trained=())
