"""Recognisers that need no model: phone numbers, and codes whose printed form the examples show.

A company's order number looks like its other order numbers: the forms are read off the annotated values, `QH48210937`
gives
"QH and eight digits". Forms with letters and digits are certain; digits alone are only a hint for the tagger.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from server.nlu import normalise
from server.nlu.data import EntityKind, Example
from server.nlu.text import Aligned, align

_CODE_KINDS = frozenset({"code", "digits"})
_LEAST = 3  # a form must be seen this often
_RUN = re.compile(r"[A-Za-z]+|\d+|\s+|.")
_PHONE = re.compile(
    r"(?<![\d.])(?:(?:\+|00)?86[\s-]*)?(?:1[3-9](?:[\s-]?\d){9}|0\d{2,3}[\s-]?\d{7,8}|[48]00[\s-]?\d{3}[\s-]?\d{4})(?!\d)"
)
_NUMERAL = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[零一二三四五六七八九十百千万两半点]+)"
_NAMED = (
    r"(?:(?:a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|hundred|thousand)[\s-]+)+"
)
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_WEEKDAY = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)day"
# Quantities with their unit: how the kind with this normaliser is usually written. The tagger weighs them.
_QUANTITIES = {
    "amount": re.compile(
        rf"[¥$]\s?{_NUMERAL}|\b(?:CNY|RMB)\s?{_NUMERAL}|{_NUMERAL}\s?(?:元|块|塊)(?:钱|[一二三四五六七八九\d](?:毛|角)?)?"
        rf"|{_NUMERAL}\s?(?:毛|角)钱?|(?:{_NUMERAL}\s?|{_NAMED})(?:yuan|CNY|RMB|kuai|bucks)\b",
        re.IGNORECASE,
    ),
    "data_volume": re.compile(
        rf"{_NUMERAL}\s?个?\s?(?:GB?|MB?|TB|兆|gigs?|gigabytes?|megs?|megabytes?)(?![A-Za-z\d])"
        rf"|{_NAMED}(?:gigs?|gigabytes?|megs?|megabytes?|GB)\b",
        re.IGNORECASE,
    ),
    "date": re.compile(
        r"(?:\d{4}\s?[-/.年]\s?)?\d{1,2}\s?[-/.月]\s?\d{1,2}[日号]?(?!\d)|[上下这本]个?月(?:\d{1,2}[号日])?"
        rf"|{_NUMERAL}月份?(?:{_NUMERAL}[号日])?|{_NUMERAL}[号日]"
        r"|(?:大?[前后]天|[昨今明][天日早晚]|[上下这本]?个?(?:周|星期|礼拜)[一二三四五六日天末])(?:早上|上午|中午|下午|晚上|凌晨)?"
        rf"|\b(?:(?:last|next|this)\s+(?:week|month|year|weekend|night|{_WEEKDAY}|{_MONTH})|{_WEEKDAY}"
        rf"|(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)(?:\s+of\s+{_MONTH}|\s+{_MONTH})?|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?"
        r"|(?:the\s+day\s+(?:after|before)\s+)?(?:today|tomorrow|yesterday)|tonight|this\s+(?:morning|afternoon|evening))"
        r"(?:\s+(?:morning|afternoon|evening|night))?\b",
        re.IGNORECASE,
    ),
}
_SAID = re.compile(
    r"\b(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)[\s,-]+){10}(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b",
    re.IGNORECASE,
)
_SPOKEN = re.compile(r"(?:[零〇一二三四五六七八九幺]\s?){11}")


@dataclass(frozen=True)
class Found:
    """A recognised span of the normalised text; `certain` ones overrule the tagger."""

    start: int
    end: int
    entity: str
    certain: bool


class Patterns:
    """The recognisers of one artefact; plain data, so that they can be stored."""

    def __init__(
        self, forms: Mapping[str, Sequence[str]], phone_kinds: Sequence[str], quantities: Mapping[str, str]
    ) -> None:
        """`quantities`: entity kind → the normaliser whose way of writing it follows."""
        self.forms = {name: list(found) for name, found in forms.items()}
        self.phone_kinds = list(phone_kinds)
        self.quantities = dict(quantities)
        self._compiled = [
            (
                name,
                re.compile(rf"(?<![A-Za-z\d])(?:{form})(?![A-Za-z\d])", re.IGNORECASE),
                r"\d" in form and bool(re.search("[A-Za-z]", re.sub(r"\\[ds]", "", form))),
            )
            for name, found in self.forms.items()
            for form in found
        ]

    @classmethod
    def learn(cls, examples: Iterable[Example], kinds: Mapping[str, EntityKind]) -> Patterns:
        """Read the forms off the annotated spans of code kinds."""
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        letters: dict[str, Counter[str]] = defaultdict(Counter)
        for example in examples:
            for span in example.entities:
                kind = kinds.get(span.entity)
                if kind is None or kind.normalise not in _CODE_KINDS:
                    continue
                surface = align(example.text[span.start : span.end]).text.upper()
                if not re.search(r"\d", surface) or not surface.isascii():
                    continue
                letters[span.entity].update(re.findall(r"[A-Z]+", surface))
                seen[span.entity][_form(surface)] += 1
        forms = {
            name: [form for form, n in counter.most_common(12) if n >= _LEAST] for name, counter in sorted(seen.items())
        }
        phones = [k.name for k in kinds.values() if k.normalise == "phone"][:1]
        quantities = {k.name: k.normalise for k in kinds.values() if k.normalise in _QUANTITIES}
        return cls({n: f for n, f in forms.items() if f}, phones, quantities)

    def find(self, aligned: Aligned) -> list[Found]:
        """Every match, the certain ones first, none of them overlapping another certain one."""
        text = aligned.text
        found: list[Found] = []
        for name in self.phone_kinds:
            for pattern in (_PHONE, _SPOKEN, _SAID):
                for match in pattern.finditer(text):
                    if normalise.phone(match.group()) is not None:
                        found.append(
                            Found(match.start(), match.start() + len(match.group().rstrip()), name, certain=True)
                        )
        for name, compiled, certain in self._compiled:
            found += [Found(m.start(), m.end(), name, certain) for m in compiled.finditer(text)]
        for name, normaliser in self.quantities.items():
            found += [Found(m.start(), m.end(), name, certain=False) for m in _QUANTITIES[normaliser].finditer(text)]
        found.sort(key=lambda f: (not f.certain, -(f.end - f.start), f.start))
        kept: list[Found] = []
        for candidate in found:
            if not any(k.certain and candidate.start < k.end and k.start < candidate.end for k in kept):
                kept.append(candidate)
        return kept


def _form(surface: str) -> str:
    """The regular expression of a surface: letters as they are, digits by number, separators optional."""
    parts = []
    for run in _RUN.findall(surface):
        if run.isdigit():
            parts.append(rf"\d{{{len(run)}}}")
        elif run.isspace() or run in "-_":
            parts.append(r"[\s_-]?")
        else:
            parts.append(re.escape(run))
    return "".join(parts)
