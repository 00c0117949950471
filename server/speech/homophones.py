"""Chinese that was heard right and written wrong: 宽戴 for 宽带, put right by the words that a company uses.

A recogniser of this size knows how a sentence sounds better than which of many characters of that sound is meant. The
company's own texts know that: a model of their characters (interpolated trigrams, Witten and Bell 1991) chooses among
characters that sound alike, and the way through a sentence that costs least wins. A text made of the company's words
stays as it is, and so does a sentence that the company's texts say nothing about. Pure; built once, then a few
milliseconds a sentence.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from server.nlu.text import CJK, simplified
from server.speech.mandarin import sounds

EDGE: Final = "|"
"""What stands for the beginning, the end, and every mark between: words do not reach across."""
KNOWN: Final = 4
"""So many characters in a row that the company writes are never changed."""
LONGEST: Final = 400
_CHARACTERS: Final = 8000
"""The size of the alphabet, for characters that no text has."""
_SUREST: Final = 6.0
_WAYS: Final = 12
"""Half-finished readings of a sentence that are followed up."""

_ALIKE: Final = frozenset(
    frozenset(pair.split())
    for pair in (
        *("z zh", "c ch", "s sh", "n l", "l r", "f h", "h k", "h g", "b p", "d t", "g k", "j q", "zh ch", "z c"),
        *("x s", "x sh", "q ch", "j zh", "j z", "q c", "m n", "m b", "q x", "ch sh", "zh sh", "d l", "d n", "t l"),
        *("j g", "r zh", "d g", "t k", "b m"),
    )
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A character as the recogniser wrote it."""

    char: str
    sure: float = 0.0
    """The probability that the recogniser gave it, in [0, 1]."""
    others: Mapping[str, float] = field(default_factory=dict)
    """What else it considered, with the logarithm of its probability against this one's."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a change costs, in natural logarithms of probability: it has to make the sentence so much more likely.

    Chosen on `TRIED_ZH` of benchmarks/_spoken.py.
    """

    same_sound: float = 3.0
    """The same syllable, whatever its tone."""
    step: float = 3.0
    """Each step from one sound to one like it (z to zh, n to ng)."""
    most_steps: float = 1.5
    sureness: float = 1.5
    """Times the logarithm of how unlikely the recogniser was to be wrong."""
    considered: float = 2.0
    """What the recogniser itself considered, besides how much less likely it found that."""
    least: float = -4.5
    """Below this mean logarithm of probability a sentence is about something else, and stays."""


class Homophones:
    """The characters of one company's texts and what they sound like."""

    def __init__(self, texts: Iterable[str], costs: Costs | None = None) -> None:
        self._costs = costs or Costs()
        self._one: Counter[str] = Counter()
        self._two: Counter[str] = Counter()
        self._three: Counter[str] = Counter()
        self._known: set[str] = set()
        for text in dict.fromkeys(simplified(text) for text in texts):
            for run in _runs(text):
                self._one.update(run)
                padded = EDGE + run + EDGE
                self._two.update(padded[i : i + 2] for i in range(len(padded) - 1))
                padded = EDGE + padded
                self._three.update(padded[i : i + 3] for i in range(len(padded) - 2))
                self._known.update(run[i : i + KNOWN] for i in range(len(run) - KNOWN + 1))
                self._known.add(EDGE + run + EDGE)
        self._kinds_two, self._sums_two = _followers(self._two)
        self._kinds_three, self._sums_three = _followers(self._three)
        self._total = self._one.total()
        self._sounding: dict[tuple[str, str], list[str]] = defaultdict(list)
        for char in self._one:
            for one in sounds(char):
                self._sounding[one].append(char)

    def correct(self, heard: Sequence[Heard]) -> str:
        """What was heard, with characters that sound alike chosen as the company writes them.

        As long as what was heard, character by character; marks, figures and letters stay.
        """
        text = "".join(one.char for one in heard)
        if len(text) > LONGEST or len(text) != len(heard) or not self._one:
            return text
        corrected, at = list(text), 0
        for run in _runs(text):
            at = text.index(run, at)
            corrected[at : at + len(run)] = self._run(run, heard[at : at + len(run)])
            at += len(run)
        new = "".join(corrected)
        return new if new != text and self._mean(new) >= self._costs.least else text

    def _run(self, run: str, heard: Sequence[Heard]) -> str:
        """Characters in a row, no mark between them: the likeliest way of writing their sound."""
        if EDGE + run + EDGE in self._known:
            return run
        kept = [False] * len(run)
        for i in range(len(run) - KNOWN + 1):
            if run[i : i + KNOWN] in self._known:
                kept[i : i + KNOWN] = [True] * KNOWN
        if all(kept):
            return run
        ways: dict[str, tuple[float, str]] = {EDGE * 2: (0.0, "")}
        for known, one in zip(kept, heard, strict=True):
            choices = {one.char: 0.0} if known else self._choices(one)
            after: dict[str, tuple[float, str]] = {}
            for before, (cost, written) in ways.items():
                for chosen, change in choices.items():
                    new = cost + change - self._log_probability(before, chosen)
                    key = before[1] + chosen
                    if key not in after or new < after[key][0]:
                        after[key] = (new, written + chosen)
            ways = dict(sorted(after.items(), key=lambda way: way[1][0])[:_WAYS])
        return min((cost - self._log_probability(before, EDGE), written) for before, (cost, written) in ways.items())[1]

    def _choices(self, one: Heard) -> dict[str, float]:
        """What may be written for a character, and what that costs."""
        costs = self._costs
        sureness = costs.sureness * min(_SUREST, -math.log(max(1.0 - one.sure, 1e-9)))
        found = {char: cost + sureness for char, cost in self._like(one.char).items()}
        for char, less in one.others.items():
            if char in self._one:
                cost = max(0.0, -less) + costs.considered
                found[char] = min(cost, found.get(char, cost))
        return {**found, one.char: 0.0}

    def _like(self, char: str) -> dict[str, float]:
        """Characters of the company that sound like this one, and what the change costs."""
        found: dict[str, float] = {}
        for reading in sounds(char):
            for other, steps in _near(reading, self._costs.most_steps):
                for candidate in self._sounding.get(other, ()):
                    cost = self._costs.same_sound + self._costs.step * steps
                    found[candidate] = min(cost, found.get(candidate, cost))
        return found

    def _mean(self, text: str) -> float:
        """Mean logarithm of the probability of a text's characters, the ends of its runs included."""
        total, count = 0.0, 0
        for run in _runs(text):
            before = EDGE * 2
            for char in run + EDGE:
                total += self._log_probability(before, char)
                before, count = before[1] + char, count + 1
        return total / max(1, count)

    def _log_probability(self, before: str, char: str) -> float:
        one = (self._one[char] + 1 / _CHARACTERS) / (self._total + 1)
        kinds = self._kinds_two.get(before[1], 0)
        two = (self._two[before[1] + char] + kinds * one) / (self._sums_two[before[1]] + kinds) if kinds else one
        kinds = self._kinds_three.get(before, 0)
        three = (self._three[before + char] + kinds * two) / (self._sums_three[before] + kinds) if kinds else two
        return math.log(three)


def _runs(text: str) -> Iterator[str]:
    return (match.group() for match in re.finditer(rf"{CJK.pattern}+", text))


def _followers(counts: Counter[str]) -> tuple[dict[str, int], Counter[str]]:
    """How many different characters follow each beginning, and how often it is followed at all."""
    kinds: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for gram, count in counts.items():
        kinds[gram[:-1]] += 1
        sums[gram[:-1]] += count
    return dict(kinds), sums


@cache
def _near(sound: tuple[str, str], most: float) -> tuple[tuple[tuple[str, str], float], ...]:
    """Sounds at most so many steps away, with their steps; itself first."""
    near = ((other, _steps(sound, other)) for other in _all_sounds())
    return ((sound, 0.0), *((other, steps) for other, steps in near if 0 < steps <= most))


@cache
def _all_sounds() -> frozenset[tuple[str, str]]:
    from pypinyin.pinyin_dict import pinyin_dict  # noqa: PLC0415

    return frozenset(one for code in pinyin_dict if 0x4E00 <= code <= 0x9FFF for one in sounds(chr(code)))


def _steps(one: tuple[str, str], other: tuple[str, str]) -> float:
    return _initial_steps(one[0], other[0]) + _final_steps(one[1], other[1])


def _initial_steps(one: str, other: str) -> float:
    if one == other:
        return 0.0
    return 1.0 if frozenset((one, other)) in _ALIKE else 2.0


@cache
def _final_steps(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one.removesuffix("g") == other.removesuffix("g"):
        return 0.5
    short, long = sorted((one, other), key=len)
    dropped = any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    replaced = len(short) == len(long) and sum(a != b for a, b in zip(short, long, strict=True)) == 1
    return 1.0 if dropped or replaced else 2.0
