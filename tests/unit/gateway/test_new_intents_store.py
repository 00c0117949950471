"""New intents in the database: shared, followed, refused where they cannot be used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.gateway.new_intents import MOST, NewIntents, TooManyError
from server.settings import ConfigurationError
from server.storage.audit import Audit
from tests.support.floor import Bench, bench

BODY: dict[str, Any] = {
    "label": {"zh": "宠物咬坏", "en": "Damage by a pet"},
    "do": "say",
    "text": {"zh": "可以到营业厅换线。", "en": "A shop can replace the cable."},
    "examples": ["我家狗把充电线咬断了", "my dog bit through the cable", "the cat chewed my charger"],
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        yield made


def following(desk: Bench) -> NewIntents:
    return NewIntents(desk.store, desk.service.company, Audit(desk.store, b"key"))


async def test_what_one_gateway_defines_the_other_knows(desk: Bench) -> None:
    one, other = following(desk), following(desk)
    await one.put(one.check("pet_damage", BODY), "boss")
    assert other.definition("pet_damage") is None
    await other.refresh()
    found = other.definition("pet_damage")
    assert found is not None
    assert found["text"]["en"] == ["A shop can replace the cable."]
    assert other.request == one.request
    assert [intent["name"] for intent in other.request["intents"]] == ["pet_damage"]


async def test_a_definition_is_replaced_and_taken_away(desk: Bench) -> None:
    intents = following(desk)
    await intents.put(intents.check("pet_damage", BODY), "boss")
    before = intents.request["digest"]
    await intents.put(
        intents.check("pet_damage", {**BODY, "examples": [*BODY["examples"], "a mouse ate the plug"]}), "boss"
    )
    assert intents.request["digest"] not in {before, ""}
    assert len(intents.all()) == 1
    assert await intents.remove("pet_damage", "boss")
    assert not await intents.remove("pet_damage", "boss")
    assert (intents.all(), intents.request) == ([], {"digest": "", "intents": []})


async def test_what_cannot_be_used_changes_nothing(desk: Bench) -> None:
    intents = following(desk)
    await intents.put(intents.check("pet_damage", BODY), "boss")
    with pytest.raises(ConfigurationError, match="trained already"):
        await intents.put(intents.check("check_bill", BODY), "boss")
    with pytest.raises(ConfigurationError, match="at least 3"):
        await intents.put(intents.check("pet_damage", {**BODY, "examples": []}), "boss")
    assert len(intents.all()) == 1


async def test_there_is_an_end_to_what_waits_for_training(desk: Bench) -> None:
    intents = following(desk)
    for i in range(MOST):
        await intents.put(intents.check(f"new_{i:03}", BODY), "boss")
    with pytest.raises(TooManyError, match="train before"):
        await intents.put(intents.check("one_more", BODY), "boss")
    await intents.put(intents.check("new_001", BODY), "boss")
    assert len(intents.all()) == MOST
