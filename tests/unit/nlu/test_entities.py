"""The tagger: what a message wants decides what its words name."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from server.nlu import intents
from server.nlu.data import Example, Span
from server.nlu.entities import EntityModel, Reading, lessons, read
from server.nlu.text import align

NAMES = ("Blue Lantern", "Golden Bridge", "Silver Moon", "Red Harbour", "Green Valley", "White Tower")


def read_now(texts: Sequence[str]) -> list[Reading]:
    aligned = [align(text) for text in texts]
    return read(aligned, intents.states([a.text for a in aligned]))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> EntityModel:
    """The same sentences name songs in one intent and restaurants in the other."""
    examples = [
        Example(f"I want {name} now", intent, (Span(7, 7 + len(name), kind, name),), "here:1")
        for name in NAMES
        for intent, kind in (("play", "song"), ("book", "restaurant"))
    ]
    taught = lessons(
        examples, range(len(examples)), read_now([e.text for e in examples]), kinds={}, read_texts=read_now, seed=0
    )
    folder: Path = tmp_path_factory.mktemp("entities")
    return EntityModel.fit(examples, taught, folder, kinds={}, lookups={}, seed=0)


@pytest.mark.parametrize(("intent", "kind"), [("play", "song"), ("book", "restaurant")])
def test_the_intent_decides_what_a_name_names(model: EntityModel, intent: str, kind: str) -> None:
    (reading,) = read_now(["I want Silver Bridge now"])
    found = model.tag(replace(reading, meant={intent: 0.9}))
    assert [(t.start, t.end, t.entity) for t in found] == [(7, 20, kind)]


def test_an_intent_that_the_tagger_does_not_know_changes_nothing(model: EntityModel) -> None:
    (reading,) = read_now(["I want Silver Bridge now"])
    assert model.tag(replace(reading, meant={"sing": 1.0})) == model.tag(reading)
