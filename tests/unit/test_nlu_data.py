"""The demo company's training data: broad enough in both languages, without contradictions, every known value known."""

import datetime as dt
from collections import Counter, defaultdict

import pytest

from server.nlu.data import OUT_OF_SCOPE, Dataset, load, load_entities, load_intents
from server.nlu.normalise import Normaliser, key
from server.settings import ROOT

NLU_DATA = ROOT / "nlu_data"
LANGUAGES = ("zh", "en")
INTENTS = load_intents(NLU_DATA / "intents.yml")
KINDS = load_entities(NLU_DATA / "entities.yml")


@pytest.fixture(scope="module")
def examples() -> dict[str, Dataset]:
    return {language: load([NLU_DATA / language]) for language in LANGUAGES}


def test_every_intent_has_words_for_people_and_something_to_do() -> None:
    assert len(INTENTS) >= 30
    for name, intent in INTENTS.items():
        for field in ("label", "description"):
            assert all(intent[field][language].strip() for language in LANGUAGES), (name, field)
        assert intent["do"] in {"say", "answer", "skill", "diagnose", "handoff"}, name
        assert intent["group"] in {"dialogue", "account", "help", "fault"}, name
    labels = [intent["label"][language] for intent in INTENTS.values() for language in LANGUAGES]
    assert len(labels) == len(set(labels)), "two buttons would read the same"
    assert 4 <= sum(intent.get("suggest", False) for intent in INTENTS.values()) <= 8


def test_every_intent_has_enough_examples_in_each_language(examples: dict[str, Dataset]) -> None:
    for language, data in examples.items():
        counts = Counter(example.intent for example in data.examples)
        assert counts.pop(OUT_OF_SCOPE) >= 250, language
        assert set(counts) == set(INTENTS), language
        assert {name: count for name, count in counts.items() if count < 28} == {}, language


def test_the_files_have_no_mistakes() -> None:
    # One load over both languages, so that a sentence repeated across them is found as well.
    assert [str(problem) for problem in load([NLU_DATA / language for language in LANGUAGES]).problems] == []


def test_no_sentence_belongs_to_two_intents(examples: dict[str, Dataset]) -> None:
    intents_of = defaultdict(set)
    for data in examples.values():
        for example in data.examples:
            intents_of[key(example.text)].add(example.intent)
    assert {text: names for text, names in intents_of.items() if len(names) > 1} == {}


def test_every_entity_kind_is_shown_often_enough(examples: dict[str, Dataset]) -> None:
    assert len(KINDS) >= 8
    counts = Counter(
        span.entity for data in examples.values() for example in data.examples for span in example.entities
    )
    assert set(counts) == set(KINDS)
    assert {name: count for name, count in counts.items() if count < 40} == {}
    for name, kind in KINDS.items():
        assert all(kind.description[language].strip() for language in LANGUAGES), name


def test_known_values_are_recognised_and_not_claimed_twice(examples: dict[str, Dataset]) -> None:
    normaliser = Normaliser(KINDS)
    now = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    lookups = {name: kind for name, kind in KINDS.items() if kind.normalise == "lookup"}
    assert set(lookups) == {"plan", "product", "place"}
    for data in examples.values():
        for example in data.examples:
            for span in example.entities:
                if span.entity in lookups:
                    raw = example.text[span.start : span.end]
                    known = {normaliser.value(span.entity, raw, now), span.value} & lookups[span.entity].values.keys()
                    # Customers name any town and any phone; our plans are a closed list.
                    assert known or span.entity != "plan", (example.place, raw)
    for name, kind in lookups.items():
        owners = defaultdict(set)
        for value, synonyms in kind.values.items():
            for synonym in synonyms:
                owners[key(synonym)].add(value)
        assert {text: values for text, values in owners.items() if len(values) > 1} == {}, name
