"""Which symptom a complaint in the customer's own words means: by its intent and by nearness to known wordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from actions.diagnosis_graph import Version
from actions.diagnosis_text import plain
from actions.embedding import Nearness

SURE = 0.08
"""How much nearer than the next symptom the nearest has to be, to be taken without asking."""
ELSEWHERE = 0.12
"""How much nearer a symptom has to be that the intent does not name."""
ALONE = 0.72
"""Nearness at which a complaint may be taken for a symptom that its intent does not stand for."""
FIRST = 0.06
"""What the symptom that an intent names first has ahead of its others."""
HARDLY = 1.0
"""Nearness and probability of a fault together, from which a message that was not understood may be a complaint."""
LEAST = 0.1
PLAIN = 0.82
"""Nearness from which a symptom is asked after whatever the parse says."""
PROBABLE = 0.5
"""Probability of a fault that is asked after at all, and that is taken without asking."""
EXACT = 0.97
"""Nearness of a complaint in the very words of a symptom."""
LEANING = 0.15
"""What a symptom has ahead whose intent is certain, where the parse was not sure enough."""
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Match:
    """The symptoms that a complaint may mean, nearest first; `sure` when the first is taken without asking."""

    symptoms: tuple[str, ...]
    sure: bool


async def match(version: Version, nearness: Nearness, text: str, named: Sequence[str]) -> Match:
    """Match a complaint.

    Args:
        version: The graph.
        nearness: Comparison by meaning.
        text: The customer's words; "" where a button was pressed.
        named: The symptoms that the understood intent stands for.
    """
    known = version.lexicon.symptoms
    candidates = [name for name in named if name in known]
    if not text.strip():
        return Match(tuple(candidates[:SHOWN]), len(candidates) == 1)
    scores = await _scores(version, nearness, text, known)
    if candidates:
        scores[candidates[0]] += FIRST
    inside = sorted(candidates, key=lambda name: -scores[name])
    outside = sorted((name for name in known if name not in candidates), key=lambda name: -scores[name])
    if (
        outside
        and scores[outside[0]] >= ALONE
        and scores[outside[0]] - (scores[inside[0]] if inside else 0) >= ELSEWHERE
    ):
        return Match((outside[0], *inside)[:SHOWN], not inside or scores[outside[0]] - scores[inside[0]] >= 2 * SURE)
    if not inside:
        return Match((), sure=False)
    if len(inside) == 1 or scores[inside[0]] - scores[inside[1]] >= SURE:
        return Match(tuple(inside[:SHOWN]), sure=True)
    return Match(tuple(inside[:SHOWN]), sure=False)


async def guess(version: Version, nearness: Nearness, text: str, likely: float, probable: Mapping[str, float]) -> Match:
    """Symptoms that a message may mean whose intent was not understood; none where it is hardly about a fault.

    Args:
        version: The graph.
        nearness: Comparison by meaning.
        text: The customer's words.
        likely: Probability that it is about a fault at all, from the parse.
        probable: Probability of each symptom's intent.
    """
    scores = await _scores(version, nearness, text, version.lexicon.symptoms)
    leaning = {name: score + LEANING * probable.get(name, 0.0) for name, score in scores.items()}
    ranked = sorted(leaning, key=lambda name: -leaning[name])
    ahead = leaning[ranked[0]] - leaning[ranked[1]] if len(ranked) > 1 else 1.0
    plain_enough = scores[ranked[0]] >= PLAIN and ahead >= SURE
    if not plain_enough and (scores[ranked[0]] + likely < HARDLY or likely < LEAST):
        return Match((), sure=False)
    known = likely >= PROBABLE or scores[ranked[0]] >= EXACT
    return Match(tuple(ranked[:SHOWN]), sure=scores[ranked[0]] >= ALONE and ahead >= SURE and known)


async def _scores(version: Version, nearness: Nearness, text: str, known: dict[str, list[str]]) -> dict[str, float]:
    near = await nearness.of([text])
    said = _pieces(plain(text))
    scores = {}
    for name, wordings in known.items():
        meaning = max(near(text, wordings), default=0.0)
        overlap = max((_overlap(said, _pieces(plain(wording))) for wording in wordings), default=0.0)
        scores[name] = max(meaning, overlap) if meaning else overlap
    return scores


def _pieces(text: str) -> frozenset[str]:
    """Pairs of neighbouring characters, which serve Chinese and English alike."""
    letters = "".join(char for char in text if char.isalnum())
    return frozenset(letters[at : at + 2] for at in range(len(letters) - 1))


def _overlap(one: frozenset[str], other: Iterable[str]) -> float:
    """Dice coefficient of two sets of pieces, 0 to 1."""
    second = frozenset(other)
    return 2 * len(one & second) / (len(one) + len(second)) if one and second else 0.0
