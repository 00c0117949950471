"""The message catalogues against each other and against what the actions say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from server.company import HANDOFF_REASONS
from server.settings import ROOT
from server.texts import LANGUAGES, catalogue, render

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
KEY = re.compile(r"[a-z_]+\.[a-z_0-9]*[a-z0-9]")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TABLES = {key.split(".")[0] for key in catalogue("zh")}
NO_WORDS = {"choice.plan", "plan.item_bare", "answer.found"}
"""Texts that are one parameter and nothing else."""


def keys_in(path: Path) -> set[str]:
    """Literal text keys of a module: strings ``table.name`` whose table the catalogues have."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
            found.add(node.value)
    return {key for key in found if key.split(".")[0] in TABLES}


def families_in(path: Path) -> set[str]:
    """Tables that a module names with a computed second part, ``f"table.{…}"``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            table, dot, _ = str(node.values[0].value).partition(".")
            if dot and table in TABLES:
                found.add(table)
    return found


MODULES = sorted((ROOT / "actions").glob("*.py"))


def test_languages_have_the_same_keys() -> None:
    assert set(catalogue("zh")) == set(catalogue("en"))


@pytest.mark.parametrize("key", sorted(catalogue("zh")))
def test_languages_have_the_same_placeholders(key: str) -> None:
    zh, en = (catalogue(language)[key] for language in LANGUAGES)
    assert set(PLACEHOLDER.findall(zh)) == set(PLACEHOLDER.findall(en))


@pytest.mark.parametrize("key", sorted(set(catalogue("zh")) - NO_WORDS))
def test_each_text_is_in_its_language(key: str) -> None:
    words = {language: PLACEHOLDER.sub("", catalogue(language)[key]) for language in LANGUAGES}
    assert not CHINESE.search(words["en"])
    assert CHINESE.search(words["zh"]) or not re.search(r"[A-Za-z]{3}", words["en"])


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_keys_that_the_actions_use_exist(module: Path) -> None:
    assert keys_in(module) - set(catalogue("zh")) == set()


def test_no_text_of_the_dialogue_is_left_over() -> None:
    used = {key for module in MODULES for key in keys_in(module)}
    used |= {f"{key}_again" for key in used}
    computed = {table for module in MODULES for table in families_in(module)}
    elsewhere = {"system", "content", "handoff", "queue", "escalation", "inbox", "transcript", "graph", "voice"}
    elsewhere |= {"picture", "outages", "company", "proposals", "library", "document", "experiments", "summary"}
    left = {key for key in catalogue("zh") if key not in used and key.split(".")[0] not in computed | elsewhere}
    assert left == set()


@pytest.mark.parametrize("reason", sorted(HANDOFF_REASONS))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_text_and_a_first_reply(reason: str, language: str) -> None:
    assert render(f"escalate.{reason}", None, language)
    assert render(f"suggest.{reason}", None, language)
