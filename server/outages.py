"""Notices of known outages: what one is, when it holds, whom it reaches and what is wrong with it. Everything is pure.

The gateway keeps them (`server.gateway.outages`) and sends the present ones with every turn, in the form of `Present`;
the dialogue (`actions.outages`) gives them to the customers whom they concern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Json = dict[str, Any]
State = Literal["planned", "present", "past"]
LANGUAGES: Final = ("zh", "en")
MOST_OPEN: Final = 50
"""Notices that are planned or present: they travel with every turn."""
TITLE_CHARACTERS: Final = 100
TEXT_CHARACTERS: Final = 1000
AREA_CHARACTERS: Final = 60
MOST_NAMED: Final = 100
FAR_AHEAD: Final = timedelta(days=60)

_WITHIN: Final = re.compile(r"(?<=[^\W\d_]{2})[市省]")
_SUFFIX: Final = re.compile(r"(?<=[^\W\d_]{2})(?:新区|[区县镇]|街道)$")
_EN_SUFFIX: Final = re.compile(r"\b(?:district|city|county|province|town|area)\b")
_SHORTEST_NAME: Final = 2

_Title = Annotated[str, Field(max_length=TITLE_CHARACTERS)]
_Text = Annotated[str, Field(max_length=TEXT_CHARACTERS)]
_Area = Annotated[str, Field(min_length=1, max_length=AREA_CHARACTERS)]
_Id = Annotated[str, Field(min_length=1, max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Strict):
    """A short text in both languages."""

    zh: _Title = ""
    en: _Title = ""


class Words(_Strict):
    """A text in both languages."""

    zh: _Text = ""
    en: _Text = ""


class Draft(_Strict):
    """A notice as an administrator writes it; it need not be finished.

    ``places`` are values of the company's entity ``place``, ``areas`` free text, ``everywhere`` stands for both. It
    concerns troubles of any of ``intents``, ``symptoms`` and ``products``. Times are ISO 8601 with an offset; without
    ``begins`` it holds at once.
    """

    title: Title = Title()
    text: Words = Words()
    everywhere: bool = False
    places: Annotated[tuple[_Id, ...], Field(max_length=MOST_NAMED)] = ()
    areas: Annotated[tuple[_Area, ...], Field(max_length=MOST_NAMED)] = ()
    intents: Annotated[tuple[_Id, ...], Field(max_length=MOST_NAMED)] = ()
    symptoms: Annotated[tuple[_Id, ...], Field(max_length=MOST_NAMED)] = ()
    products: Annotated[tuple[_Id, ...], Field(max_length=MOST_NAMED)] = ()
    begins: datetime | None = None
    expected_end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a notice can name: values with the words for them, by kind."""

    places: Mapping[str, Sequence[str]] = field(default_factory=dict)
    intents: Mapping[str, Any] = field(default_factory=dict)
    symptoms: Mapping[str, Any] = field(default_factory=dict)
    products: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend; warnings keep a notice from nothing. ``key`` is a text of the catalogues, in ``outages``."""

    key: str
    path: tuple[str, ...]
    params: Json = field(default_factory=dict)

    @property
    def severity(self) -> str:
        """``error`` or ``warning``."""
        return "warning" if self.key.startswith("warn_") else "error"


def state_of(begins: str, ended: str | None, now: datetime) -> State:
    """Where a notice stands. The end is told by people: one that lasts longer than expected is still present."""
    if ended is not None:
        return "past"
    return "planned" if datetime.fromisoformat(begins) > now else "present"


def problems(draft: Draft, known: Known, now: datetime) -> list[Problem]:
    """What is wrong with a notice, errors first."""
    found: list[Problem] = []
    for name, texts in (("title", draft.title), ("text", draft.text)):
        said = {language: getattr(texts, language).strip() for language in LANGUAGES}
        found += [Problem("missing", (name, language)) for language, text in said.items() if not text]
        if said["zh"] and said["zh"] == said["en"]:
            found.append(Problem("warn_same", (name, "en")))
    if not (draft.everywhere or draft.places or draft.areas):
        found.append(Problem("no_area", ("places",)))
    if draft.everywhere and (draft.places or draft.areas):
        found.append(Problem("warn_everywhere", ("everywhere",)))
    if not (draft.intents or draft.symptoms or draft.products):
        found.append(Problem("no_trouble", ("intents",)))
    for kind in ("places", "intents", "symptoms", "products"):
        unknown = [name for name in getattr(draft, kind) if name not in getattr(known, kind)]
        # A symptom can leave the graph later on: what is stored may name it, what is written may not.
        found += [Problem("unknown_name", (kind,), {"name": name}) for name in unknown]
    found += [
        Problem("area_short", ("areas",), {"name": area})
        for area in draft.areas
        if len(squeezed(area)) < _SHORTEST_NAME
    ]
    found += _times(draft, now)
    return sorted(found, key=lambda one: one.severity)


def _times(draft: Draft, now: datetime) -> list[Problem]:
    found = []
    naive = [name for name in ("begins", "expected_end") if (at := getattr(draft, name)) and at.tzinfo is None]
    if naive:
        return [Problem("no_offset", (name,)) for name in naive]
    begins = draft.begins or now
    if draft.expected_end is not None and draft.expected_end <= begins:
        found.append(Problem("ends_first", ("expected_end",)))
    elif draft.expected_end is not None and draft.expected_end <= now:
        found.append(Problem("warn_overdue", ("expected_end",)))
    if begins > now + FAR_AHEAD:
        found.append(Problem("warn_far", ("begins",), {"days": FAR_AHEAD.days}))
    return found


# --------------------------------------------------------------------------- where a customer is


class Where(BaseModel):
    """Where a customer said they are: values of places, and the words."""

    model_config = ConfigDict(frozen=True)
    values: tuple[str, ...] = ()
    text: str = ""


class Place(BaseModel):
    """One area of a notice: a place with all its names, or free text as the only name."""

    value: str = ""
    names: tuple[str, ...]


class Present(BaseModel):
    """A notice as it travels with a turn. ``areas`` is ``None`` where it is for everywhere."""

    model_config = ConfigDict(frozen=True)
    id: int
    title: Mapping[str, str]
    text: Mapping[str, str]
    areas: tuple[Place, ...] | None
    intents: frozenset[str] = frozenset()
    symptoms: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    begins: str = ""
    expected_end: str | None = None

    @classmethod
    def read(cls, values: Any) -> tuple[Self, ...]:
        """The notices of a turn; what is none is left out, so that a turn never fails for it."""
        found = []
        for value in values if isinstance(values, list) else []:
            try:
                found.append(cls.model_validate(value))
            except ValidationError:
                continue
        return tuple(found)

    def concerns(self, intent: str, symptom: str = "", product: str = "") -> bool:
        """Whether it is about a trouble."""
        return intent in self.intents or symptom in self.symptoms or product in self.products

    def reaches(self, where: Where | None) -> bool:
        """Whether it holds where a customer is; one for everywhere reaches who has not said where."""
        return self.areas is None or (where is not None and any(_is_in(where, area) for area in self.areas))


def spoken_of(notices: Iterable[Present], text: str) -> bool:
    """Whether a text names an area of a notice by name; it need not be a place that the company knows."""
    return any(_named(text, name) for one in notices for area in one.areas or () for name in area.names)


def _is_in(where: Where, area: Place) -> bool:
    if area.value and area.value in where.values:
        return True
    return any(_named(where.text, name) for name in area.names)


def _named(said: str, name: str) -> bool:
    """Whether a text names a place: as it is written, or without what people leave out (杭州市西湖, 杭州西湖)."""
    text, wanted = squeezed(said), _SUFFIX.sub("", squeezed(name))
    if len(wanted) < _SHORTEST_NAME:
        return False
    if wanted.isascii():
        return re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9])", text) is not None
    text, wanted = text.replace(" ", ""), wanted.replace(" ", "")
    return wanted in text or _WITHIN.sub("", wanted) in _WITHIN.sub("", text)


def squeezed(text: str) -> str:
    """A text about a place in small letters, without punctuation and words such as "district"."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w]+", " ", _EN_SUFFIX.sub(" ", plain)).split())


def resolved(places: Collection[str], areas: Collection[str], names: Mapping[str, Sequence[str]]) -> list[Json]:
    """The areas of a notice as they travel: every place with all its names."""
    known = [{"value": place, "names": list(names.get(place, ()))} for place in places]
    return [*known, *({"names": [area]} for area in areas)]
