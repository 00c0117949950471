"""Proposals for the knowledge graph that a language model drew from a text: checked against it, made into nodes. Pure.

What the model says counts only with a quotation that stands in the text; the source is then the whole sentence around
it. A proposal is a node that `kg.schema` can read: a fault, a check that tells it, or a fix that repairs it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kg import schema
from kg.load import valid_id
from kg.model import Kind
from kg.schema import FieldError
from server.llm.helpers import locate
from server.llm.proposals import MAX_TEXT

Json = dict[str, Any]
MAX_CHARACTERS: Final = 120_000
MAX_PIECES: Final = 80
FIRST_PRIOR: Final = 0.01
"""What a new fault begins with, until cases teach more."""
_SUCCESS: Final = 0.8
_SENTENCE_ENDS: Final = "。！？!?\n"
_LONGEST_SENTENCE: Final = 400
_SLUG: Final = 40
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]{2}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A node with the sentence it comes from; ``about`` is the fault that a check or a fix belongs to."""

    kind: Kind
    name: str
    about: str
    data: Json
    source: str


def pieces(text: str) -> list[str]:
    """A text in parts of at most `MAX_TEXT` characters, cut at paragraphs, else at sentences; at most `MAX_PIECES`."""
    found: list[str] = []
    for part in _units(text[:MAX_CHARACTERS]):
        if found and len(found[-1]) + len(part) <= MAX_TEXT:
            found[-1] += part
        else:
            found.append(part)
    return [one for one in found if one.strip()][:MAX_PIECES]


def _units(text: str) -> Iterator[str]:
    """Paragraphs with what follows them; sentences of a longer one; fixed lengths of a longer sentence."""
    for paragraph in re.split(r"(?<=\n)(?=\s*\n)", text):
        if len(paragraph) <= MAX_TEXT:
            yield paragraph
            continue
        for sentence in re.split(r"(?<=[。！？!?\n])|(?<=\. )", paragraph):
            for start in range(0, len(sentence), MAX_TEXT):
                yield sentence[start : start + MAX_TEXT]


def drawn(
    said: Sequence[Mapping[str, Any]], text: str, run: int, taken: set[str]
) -> tuple[list[Proposal], Counter[str]]:
    """The proposals that stand the test, and why others did not.

    Args:
        said: Faults as `server.llm.proposals.propose` gives them.
        text: What the model was given.
        run: The number of the run, for ids that are nobody else's.
        taken: Ids that were given already; those given here are added.
    """
    found: list[Proposal] = []
    thrown: Counter[str] = Counter()
    for one in said:
        fault = _fault(one, text, run, taken)
        if isinstance(fault, str):
            thrown[fault] += 1
            continue
        found.append(fault)
        for make, words in ((_check, ("check_zh", "check_en")), (_fix, ("fix_zh", "fix_en"))):
            if not any(str(one.get(name, "")).strip() for name in words):
                continue
            made = make(one, text, fault, taken)
            if isinstance(made, str):
                thrown[made] += 1
            else:
                found.append(made)
    return found, thrown


def _fault(one: Mapping[str, Any], text: str, run: int, taken: set[str]) -> Proposal | str:
    name = _pair(one, "name")
    source = sentence(str(one.get("quote", "")), text)
    if name is None:
        return "language"
    if source is None:
        return "no_source"
    data = {"name": name, "prior": FIRST_PRIOR}
    slug = re.sub(r"[^a-z0-9]+", "_", name["en"].lower()).strip("_")[:_SLUG].strip("_")
    return _made(Proposal(Kind.FAULT, f"{slug or 'fault'}_{run}", "", data, source), taken)


def _check(one: Mapping[str, Any], text: str, fault: Proposal, taken: set[str]) -> Proposal | str:
    ask, source = _pair(one, "check"), sentence(str(one.get("check_quote", "")), text)
    if ask is None:
        return "language"
    if source is None:
        return "no_source"
    again = {"zh": f"请再看一下：{ask['zh']}", "en": f"Please look once more: {ask['en']}"}
    name = {language: f"{before}{fault.data['name'][language]}" for language, before in _LOOK.items()}
    outcomes = {
        "there": {"label": {"zh": "是", "en": "Yes"}, "when": fault.name},
        "fine": {"label": {"zh": "不是", "en": "No"}},
    }
    data = {"name": name, "ask": [ask, again], "outcomes": outcomes}
    return _made(Proposal(Kind.CHECK, f"check_{fault.name}", fault.name, data, source), taken)


def _fix(one: Mapping[str, Any], text: str, fault: Proposal, taken: set[str]) -> Proposal | str:
    do, source = _pair(one, "fix"), sentence(str(one.get("fix_quote", "")), text)
    if do is None:
        return "language"
    if source is None:
        return "no_source"
    again = {"zh": f"请试一下：{do['zh']}", "en": f"Please try this: {do['en']}"}
    name = {language: f"{before}{fault.data['name'][language]}" for language, before in _MEND.items()}
    data = {"name": name, "do": [do, again], "repairs": {fault.name: _SUCCESS}}
    return _made(Proposal(Kind.FIX, f"fix_{fault.name}", fault.name, data, source), taken)


_LOOK: Final = {"zh": "检查：", "en": "Check: "}
_MEND: Final = {"zh": "修复：", "en": "Mend: "}


def _made(wanted: Proposal, taken: set[str]) -> Proposal | str:
    """The proposal under an id that nobody has, if it is a node."""
    made = next(
        one
        for number in range(1, len(taken) + 3)
        if (one := wanted if number == 1 else replace(wanted, name=f"{wanted.name}_{number}")).name not in taken
    )
    if not valid_id(made.name):
        return "no_node"
    try:
        schema.node(made.kind, made.name, made.data)
    except FieldError:
        return "no_node"
    taken.add(made.name)
    return made


def _pair(one: Mapping[str, Any], part: str) -> dict[str, str] | None:
    """A text in both languages, each in its own; none where one is missing or in the wrong one."""
    zh, en = (" ".join(str(one.get(f"{part}_{language}", "")).split()) for language in ("zh", "en"))
    right = _HAN.search(zh) is not None and _LATIN.search(en) is not None and _HAN.search(en) is None
    return {"zh": zh, "en": en} if right else None


def _ends(text: str, at: int) -> bool:
    """Whether a sentence ends before a place."""
    return text[at - 1] in _SENTENCE_ENDS or (text[at - 1] == "." and (at == len(text) or text[at].isspace()))


def sentence(quote: str, text: str) -> str | None:
    """The sentence of a text in which a quotation stands, as it is written there; none where it does not."""
    place = locate(quote, text)
    if place is None:
        return None
    start, end = place
    while start > 0 and not _ends(text, start) and end - start < _LONGEST_SENTENCE:
        start -= 1
    while end < len(text) and not _ends(text, end) and end - start < _LONGEST_SENTENCE:
        end += 1
    return text[start:end].strip()
