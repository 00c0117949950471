"""The held-out set is what its hash says, is marked correctly, and shares no sentence with the training data."""

import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HELDOUT = ROOT / "benchmarks" / "heldout"
LANGUAGES = ("zh", "en")
MINIMUM_PER_INTENT = 20
MINIMUM_OUT_OF_SCOPE = 80
# Rasa's inline entity marks: [text](kind), [text](kind:value) and [text]{"entity": …}.
RASA_MARK = re.compile(r"\[([^\[\]]+)\](?:\([^()]*\)|\{[^{}]*\})")


def rows(language: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HELDOUT / f"{language}.jsonl").read_text("utf-8").splitlines()]


def comparable(text: str) -> str:
    """Lower case, without punctuation, space and digits; the digits where there is nothing else."""
    words = re.sub(r"[\W\d_]", "", text.lower())
    return words or re.sub(r"\D", "", text)


def training_examples(folder: Path) -> list[tuple[str, str]]:
    """(text without marks, where it stands) of every example in every file of `folder`, both languages."""
    examples = []
    for path in sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]):
        content = yaml.safe_load(path.read_text("utf-8"))
        entries = content.get("nlu", []) if isinstance(content, dict) else []
        for entry in entries:
            listed = entry.get("examples", "")
            for line in listed.splitlines() if isinstance(listed, str) else listed:
                example = line["text"] if isinstance(line, dict) else line
                text = RASA_MARK.sub(r"\1", example.strip().removeprefix("- "))
                if text:
                    examples.append((text, path.relative_to(ROOT).as_posix()))
    return examples


def test_files_have_the_frozen_hashes() -> None:
    frozen = dict(reversed(line.split("  ")) for line in (HELDOUT / "SHA256SUMS").read_text("utf-8").splitlines())
    actual = {
        f"{name}.jsonl": hashlib.sha256((HELDOUT / f"{name}.jsonl").read_bytes()).hexdigest() for name in LANGUAGES
    }
    assert frozen == actual


def test_files_follow_from_their_sources() -> None:
    command = [sys.executable, str(HELDOUT / "build.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("language", LANGUAGES)
def test_entities_lie_where_they_say(language: str) -> None:
    for row in rows(language):
        text, end = row["text"], 0
        for entity in row["entities"]:
            assert end <= entity["start"] < entity["end"] <= len(text), row
            end = entity["end"]
            surface, value = text[entity["start"] : end], entity["value"]
            assert surface == surface.strip(), row
            if entity["entity"] in ("phone_number", "otp_code") and re.search(r"\d", surface):
                assert re.sub(r"\D", "", surface).endswith(value), row
            elif entity["entity"] in ("order_number", "ticket_number"):
                assert value == surface.upper(), row
            elif entity["entity"] not in ("plan", "phone_number"):
                assert value == surface, row


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_with_a_fixed_form_are_all_marked(language: str) -> None:
    forms = re.compile(r"1990000\d{4}|qh\d{8}|t-\d{6}|e-\d{3}|tv-\d{3}|0x[0-9a-f]{8}", re.IGNORECASE)
    for row in rows(language):
        marked = [(entity["start"], entity["end"]) for entity in row["entities"]]
        for found in forms.finditer(row["text"]):
            assert any(start <= found.start() and found.end() <= end for start, end in marked), (row, found.group())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_intent_has_enough_rows(language: str) -> None:
    counts = Counter(row["intent"] for row in rows(language))
    assert counts.pop("oos") >= MINIMUM_OUT_OF_SCOPE
    assert {name: count for name, count in counts.items() if count < MINIMUM_PER_INTENT} == {}


def test_both_languages_hold_the_same_intents() -> None:
    zh, en = ({row["intent"] for row in rows(language)} for language in LANGUAGES)
    assert zh == en


def test_no_sentence_occurs_twice() -> None:
    counts = Counter(comparable(row["text"]) for language in LANGUAGES for row in rows(language))
    assert {text: count for text, count in counts.items() if count > 1} == {}


def test_no_sentence_occurs_in_the_training_data() -> None:
    examples = training_examples(ROOT / "nlu_data")
    assert examples, "nlu_data/ holds no example to compare with"
    trained = {comparable(text): where for text, where in examples}
    shared = [
        f"{row['intent']}: {row['text']} ({trained[key]})"
        for language in LANGUAGES
        for row in rows(language)
        if (key := comparable(row["text"])) in trained
    ]
    assert shared == [], "replace these in benchmarks/heldout/*.tsv and build again:\n" + "\n".join(shared)
