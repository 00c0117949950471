"""What the texts of a graph tell about answers: which words mean which outcome, and what "yes" means to a question.

Derived once per graph from names, labels and typical wordings, so that a company's own trees are read as well as ours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from actions import diagnosis_words as w
from actions.diagnosis_numbers import numbers
from actions.diagnosis_text import is_fine, is_wrong, plain, polarity, says_no, says_yes, topics, without_topics
from kg.model import Check, Facet, Fix, Graph, Outcome, Symptom, Text, Who

_POSITIVE = frozenset(
    ["on", "yes", "connected", "active", "set", "granted", "enabled", "bars", "there", "blinks", "better"]
)
_NEGATIVE = frozenset(["off", "no", "none", "denied", "missing", "not", "disabled", "dark", "unset"])
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CODE = re.compile(r"(?<![a-z0-9-])(?:0x[0-9a-f]+|(?:[a-z]{1,4}-?)?\d{3,5})(?![a-z0-9-])")
_ERROR = re.compile(r"错误|故障|报错|代码|提示码|码|\b(?:errors?|codes?)\b")
_SHOWN = re.compile(
    _ERROR.pattern + r"|显示|提示|还是|又是|\b(?:says?|said|shows?|showing|shown|got|get|gives?|still)\b"
)
_BELOW = re.compile(r"低于|少于|小于|不到|不足|以下|below|under|less|fewer")
_ABOVE = re.compile(r"高于|大于|超过|以上|不低于|above|over|more")
_ASCII = re.compile(r"[a-z0-9]")
_EMPTY = re.compile(
    r"[的了是着呢吧啊都很全也]|\b(?:it|is|are|'s|s|the|it's|looks?|yes|i|do|does|all|at|they|lights?|switched|on)\b"
)
_NEGATOR_BEFORE = re.compile(
    r"(?:(?:不是?|没有?|未|无|非)\s*(?:太|怎么|什么|在|被)?|"
    r"\b(?:not|no|isn't|aren't|wasn't|don't|doesn't|hasn't|haven't|can't|never|without)\s(?:\s*[a-z]+){0,2})\s*$"
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A wording that means an outcome, and how it is found in a statement."""

    text: str
    outcome: str
    pattern: re.Pattern[str]
    weight: int
    generic: bool
    """It says too little to stand without knowing what is spoken of ("no", "normal", "it's off")."""


@dataclass(frozen=True)
class FacetWords:
    """How one facet is spoken of."""

    facet: Facet
    check: Check
    topics: frozenset[str]
    phrases: tuple[Phrase, ...]
    by_polarity: dict[int, str]
    yes: str
    no: str
    numbers: dict[str, tuple[float, ...]]
    limit: tuple[float, str, str] | None
    """A bound with the outcome below it and the outcome from it on."""
    colours: dict[str, str]
    """The outcome that alone speaks plainly of a colour, by colour."""
    not_colours: dict[str, str]
    """The outcome that alone says that it is not of a colour."""
    flickers: dict[str, str]
    """The outcome that alone says that it is of a colour now and then."""
    codes: dict[str, str]
    """The outcome that alone names an error code, by code."""

    def hit(self, clause: str, *, generic: bool) -> tuple[str, int]:
        """The outcome whose wording the statement has, with the wording's length; ("", 0) where none or several do."""
        best: dict[str, int] = {}
        for phrase in self.phrases:
            if phrase.generic and not generic:
                continue
            match = phrase.pattern.search(clause)
            if match is None:
                continue
            outcome = phrase.outcome
            opposite = self.by_polarity.get(-self.sign(outcome)) if phrase.generic else None
            if opposite and polarity(clause) == -self.sign(outcome):
                # "it's not switched on": the whole statement denies what its last words say.
                best[opposite] = max(best.get(opposite, 0), phrase.weight)
                continue
            if _NEGATOR_BEFORE.search(clause[: match.start()]):
                others = [name for name in self.facet.outcomes if name != outcome]
                if len(others) != 1:
                    continue
                outcome = others[0]
            best[outcome] = max(best.get(outcome, 0), phrase.weight)
        if not best:
            return "", 0
        ranked = sorted(best.items(), key=lambda item: -item[1])
        if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
            return "", 0
        return ranked[0]

    @property
    def named(self) -> str:
        """The outcome that is meant where the thing is only named: that it is there, or that it is not as ever."""
        others = [name for name in self.facet.outcomes if name != self.facet.normal]
        stands_out = len(others) == 1 and self.by_polarity.get(-1) == self.facet.normal
        return self.by_polarity.get(1, others[0] if stands_out else "")

    def sign(self, outcome: str) -> int:
        """+1 for the outcome that says on, -1 for off, 0 for others."""
        return next((sign for sign, name in self.by_polarity.items() if name == outcome), 0)

    def whole_hit(self, said: str) -> tuple[str, int]:
        """As `hit`, with the wordings that are several statements ("connected but no internet")."""
        found = [
            (phrase.weight, phrase.outcome)
            for phrase in self.phrases
            if len(w.SEPARATORS.split(phrase.text)) > 1 and phrase.pattern.search(said)
        ]
        return max(found)[::-1] if found else ("", 0)

    def good_or_bad(self, clause: str) -> str:
        """The outcome that "it is fine" or "it is wrong" means; "" where the statement says neither."""
        if is_fine(clause):
            return self.facet.normal
        bad = [name for name in self.facet.outcomes if name != self.facet.normal]
        return bad[0] if len(bad) == 1 and not self.by_polarity and is_wrong(clause) else ""

    def by_colour(self, clause: str) -> str:
        """The outcome that a colour in the statement means; "" where none or several are named."""
        known = self.flickers if w.NOW_AND_THEN.search(clause) else self.colours
        if known is self.colours and polarity(clause) < 0:
            known = self.not_colours
        named = [colour for colour, pattern in w.COLOURS.items() if pattern.search(clause)]
        meant = {known.get(colour, "") for colour in named}
        return meant.pop() if len(meant) == 1 else ""

    def by_code(self, clause: str) -> str:
        """The outcome whose error code the statement names; digits alone need a word that says so, or stand alone."""
        for match in _CODE.finditer(clause):
            before = clause[: match.start()]
            named = not match[0].isdigit() or _SHOWN.search(before) or not re.search(r"\w", before)
            if match[0] in self.codes and named and not _NEGATOR_BEFORE.search(_ERROR.sub("", before)):
                return self.codes[match[0]]
        return ""

    def by_number(self, clause: str) -> str:
        """The outcome that a number in the statement means, if the facet knows numbers."""
        said = numbers(clause)
        if not said:
            return ""
        if self.limit is not None:
            bound, below, above = self.limit
            return below if said[-1] < bound or (said[-1] == bound and _BELOW.search(clause)) else above
        if len([name for name, known in self.numbers.items() if known]) < 2:
            return ""
        if said[-1] == 0 and "none" in self.facet.outcomes:
            return "none"
        value = max(said[-1], 0.01)
        return min(
            (abs(math.log(value / known)), outcome) for outcome, numbers in self.numbers.items() for known in numbers
        )[1]


@dataclass(frozen=True)
class FixWords:
    """How one fix is spoken of."""

    name: str
    fix: Fix
    topics: frozenset[str]


@dataclass
class Lexicon:
    """Words of a graph; each part is made when it is first needed."""

    graph: Graph
    _facets: dict[str, FacetWords] = field(default_factory=dict)

    def facet(self, name: str) -> FacetWords:
        """Words of a facet by its id."""
        if name not in self._facets:
            facet = self.graph.facets[name]
            self._facets[name] = _facet_words(facet, self.graph.checks[facet.check])
        return self._facets[name]

    @cached_property
    def fixes(self) -> list[FixWords]:
        """Words of the fixes that a customer carries out."""
        return [
            FixWords(name, fix, topics(plain(fix.name.zh)) | topics(plain(fix.name.en)))
            for name, fix in self.graph.fixes.items()
            if fix.who is Who.CUSTOMER
        ]

    @cached_property
    def symptoms(self) -> dict[str, list[str]]:
        """Wordings of each symptom."""
        return {name: _symptom_texts(symptom) for name, symptom in self.graph.symptoms.items()}

    def outcome_texts(self, facet: str) -> dict[str, list[str]]:
        """Wordings of each outcome of a facet, to compare by meaning."""
        return {
            key: [*outcome.says.zh, *outcome.says.en, outcome.label.zh, outcome.label.en]
            for key, outcome in self.graph.facets[facet].outcomes.items()
        }

    def texts(self) -> list[str]:
        """Every wording that answers and complaints are compared with, once each."""
        found = [text for texts in (*self.symptoms.values(), *w.RESULTS.values()) for text in texts]
        for name, facet in self.graph.facets.items():
            if self.graph.checks[facet.check].who is Who.CUSTOMER:
                found += [text for texts in self.outcome_texts(name).values() for text in texts]
        return list(dict.fromkeys(found))


def _symptom_texts(symptom: Symptom) -> list[str]:
    return [symptom.name.zh, symptom.name.en, *symptom.phrases.zh, *symptom.phrases.en]


def _facet_words(facet: Facet, check: Check) -> FacetWords:
    named = facet.name or check.name
    about = topics(plain(named.zh)) | topics(plain(named.en))
    if len(check.facets) == 1:
        about |= {topic for outcome in facet.outcomes.values() for text in _says(outcome) for topic in topics(text)}
    yes, no = _yes_and_no(facet, check)
    signs = _by_polarity(facet)
    return FacetWords(
        facet,
        check,
        about,
        tuple(_phrases(facet, signs)),
        signs,
        yes,
        no,
        _numbers(facet),
        _limit(facet),
        *_colours(facet),
        _codes(facet),
    )


def _phrases(facet: Facet, signs: Mapping[int, str]) -> Iterable[Phrase]:
    seen: set[tuple[str, str]] = set()
    for key, outcome in facet.outcomes.items():
        for text in [*outcome.says.zh, *outcome.says.en, outcome.label.zh, outcome.label.en]:
            full = plain(text)
            for said in dict.fromkeys((full, w.LEADING.sub("", full).strip())):
                if not said or (said, key) in seen:
                    continue
                if said != full and key in signs.values() and not re.search(r"\w", without_topics(said)):
                    continue  # "there are bars" without its "there are" says nothing of them
                seen.add((said, key))
                yield Phrase(said, key, _pattern(said), weigh(said), _generic(said))


def _pattern(said: str) -> re.Pattern[str]:
    body = r"\s*".join(re.escape(part) for part in re.split(r"\s+", said))
    left = r"(?<![a-z0-9])" if _ASCII.match(said[0]) else ""
    right = r"(?![a-z0-9])" if _ASCII.match(said[-1]) else ""
    return re.compile(left + body + right)


def weigh(said: str) -> int:
    """Length of a text, Chinese characters counted as short English words."""
    return sum(1 if _ASCII.match(char) or char == " " else 3 for char in said)


def _generic(said: str) -> bool:
    """Whether nothing is left of a wording without its yes, no, on, off or fine."""
    left = _EMPTY.sub(" ", said)
    for pattern in (w.FINE, w.NEGATION, w.ON, w.OFF):
        left = pattern.sub(" ", left)
    return not re.sub(r"[^\w+]", "", _EMPTY.sub(" ", left))


def _by_polarity(facet: Facet) -> dict[int, str]:
    """The outcome that says on, yes, there (+1) and the one that says off, no, absent (-1), where each is one."""
    signs: dict[str, int] = {}
    for key, outcome in facet.outcomes.items():
        if key in _POSITIVE or key in _NEGATIVE:
            signs[key] = 1 if key in _POSITIVE else -1
        else:
            values = [_label_sign(plain(outcome.label.zh)), _label_sign(plain(outcome.label.en))]
            signs[key] = (sum(values) > 0) - (sum(values) < 0)
    found = {}
    for sign in (1, -1):
        named = [key for key, value in signs.items() if value == sign]
        if len(named) == 1:
            found[sign] = named[0]
    return found if len(facet.outcomes) == 2 or len(found) == 2 else {}


def _label_sign(label: str) -> int:
    """The polarity of a label; none where it both affirms and denies ("connected without internet")."""
    affirms = bool(w.ON.search(w.THERE.sub(" ", label)) or w.OFF.search(label))
    return 0 if affirms and w.NEGATION.search(label) else polarity(label)


def _yes_and_no(facet: Facet, check: Check) -> tuple[str, str]:
    """What a bare yes and a bare no to the question mean; "" where they would mean nothing."""
    yes = [key for key, outcome in facet.outcomes.items() if any(says_yes(text) for text in _says(outcome))]
    no = [key for key, outcome in facet.outcomes.items() if any(_bare_no(text) for text in _says(outcome))]
    if len(facet.outcomes) != 2 or len(check.facets) > 1:
        return (yes[0] if len(yes) == 1 else "", no[0] if len(no) == 1 and no != yes else "")
    keys = list(facet.outcomes)
    signs = {key: 1 if key in _POSITIVE else -1 if key in _NEGATIVE else 0 for key in keys}
    if len(yes) == 1 and yes != no:
        chosen = yes[0]
    elif len(no) == 1:
        chosen = next(key for key in keys if key != no[0])
    elif sorted(signs.values()) in ([-1, 1], [0, 1], [-1, 0]):
        chosen = max(keys, key=lambda key: signs[key])
    else:
        chosen = _asked_for(facet, check)
    return chosen, next(key for key in keys if key != chosen)


def _asked_for(facet: Facet, check: Check) -> str:
    """The outcome that the question names; else the one that shows a fault."""
    question = plain(" ".join([*(text.zh for text in check.ask), *(text.en for text in check.ask)]))

    def named(outcome: Outcome) -> int:
        labels = [plain(outcome.label.zh), *re.findall(r"[a-z]{3,}", plain(outcome.label.en))]
        return sum(label in question for label in labels if label)

    keys = list(facet.outcomes)
    scores = {key: named(facet.outcomes[key]) for key in keys}
    best = max(keys, key=lambda key: scores[key])
    if scores[best] and list(scores.values()).count(scores[best]) == 1:
        return best
    return next((key for key in keys if key != facet.normal), keys[0])


def _says(outcome: Outcome) -> list[str]:
    return [plain(text) for text in (*outcome.says.zh, *outcome.says.en)]


def _bare_no(text: str) -> bool:
    return says_no(text) and len(re.sub(r"[^\w]", "", text)) <= 4


def _numbers(facet: Facet) -> dict[str, tuple[float, ...]]:
    found = {}
    for key, outcome in facet.outcomes.items():
        texts = [*_says(outcome), plain(outcome.label.en)]
        found[key] = tuple(
            float(number)
            for text in texts
            for number in re.findall(r"(?<![a-z0-9-])\d+(?:\.\d+)?(?![a-z0-9])", text)
            if float(number)
        )
    return found


def _colours(facet: Facet) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The outcome that each colour means; the same where it is denied, and where it comes and goes."""
    found: tuple[dict[str, str], dict[str, str], dict[str, str]] = ({}, {}, {})
    for colour, pattern in w.COLOURS.items():
        named: tuple[list[str], list[str], list[str]] = ([], [], [])
        for key, outcome in facet.outcomes.items():
            labels = [text for text in (plain(outcome.label.zh), plain(outcome.label.en)) if pattern.search(text)]
            if any(map(w.NOW_AND_THEN.search, labels)):
                named[2].append(key)
            elif any(polarity(label) < 0 for label in labels):
                named[1].append(key)
            elif labels:
                named[0].append(key)
        if not any(named):
            named[0].extend(key for key, one in facet.outcomes.items() if any(map(pattern.search, _says(one))))
        for known, keys in zip(found, named, strict=True):
            if len(keys) == 1:
                known[colour] = keys[0]
    return found


def _codes(facet: Facet) -> dict[str, str]:
    named: dict[str, set[str]] = {}
    for key, outcome in facet.outcomes.items():
        texts = [plain(outcome.label.zh), plain(outcome.label.en), *_says(outcome)]
        if any(_ERROR.search(text) for text in texts):
            for code in _CODE.findall(" , ".join(texts)):
                named.setdefault(code, set()).add(key)
    return {code: keys.pop() for code, keys in named.items() if len(keys) == 1}


def _limit(facet: Facet) -> tuple[float, str, str] | None:
    if len(facet.outcomes) != 2:
        return None
    bounds: dict[str, tuple[float, int]] = {}
    for key, outcome in facet.outcomes.items():
        label = plain(outcome.label.zh + " " + outcome.label.en)
        number = _NUMBER.search(label)
        side = (-1 if _BELOW.search(label) else 0) + (1 if _ABOVE.search(label) else 0)
        if number and side:
            bounds[key] = (float(number.group()), side)
    below = [key for key, (_, side) in bounds.items() if side < 0]
    above = [key for key, (_, side) in bounds.items() if side > 0]
    if len(below) == len(above) == 1:
        return bounds[below[0]][0], below[0], above[0]
    return None


def both(text: Text) -> str:
    """A text in both languages, to look for words in."""
    return plain(f"{text.zh} {text.en}")
