"""The company's settings as the console changes them: their faults, how two differ, as ``company.toml``. Pure.

A document has the keys of ``server.company.CHANGEABLE`` in the form of ``company.toml``, as JSON values.
"""

import datetime as dt
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from server.company import HANDOFF_REASONS, WEEKDAYS
from server.texts import render

Json = dict[str, Any]
Path = tuple[str | int, ...]

AA: Final = 4.5
"""Contrast of text of ordinary size (WCAG 2.2, section 1.4.3)."""
LONGEST: Final = {"name": 60, "tagline": 200, "greeting": 1000}
MOST: Final = 200
"""Entries of a list: holidays, origins, teams."""
LEAST_BOUND, MOST_BOUND = 0.001, 0.5
"""Risk bounds that can be chosen."""
NUMBERS: Final[dict[tuple[str, str], tuple[float, float, bool]]] = {
    ("desk", "capacity"): (1, 100, True),
    ("desk", "pick_up_s"): (1, 86_400, True),
    ("desk", "reply_s"): (1, 86_400, True),
    ("desk", "offer_s"): (5, 3_600, True),
    ("desk", "first_reply_s"): (10, 86_400, True),
    ("desk", "offline_s"): (1, 3_600, True),
    ("desk", "overflow_s"): (0, 86_400, True),
    ("figures", "target_intents"): (0.01, 1, False),
    ("figures", "target_entities"): (0.01, 1, False),
    ("figures", "target_response_s"): (0.1, 3_600, False),
    ("figures", "target_coverage"): (0.01, 1, False),
    ("figures", "minutes_per_conversation"): (0, 600, False),
    ("figures", "cost_per_hour"): (0, 1_000_000, False),
    ("service", "risk_bound"): (LEAST_BOUND, MOST_BOUND, False),
    ("service", "retention_days"): (0, 36_500, True),
}
LANGUAGE_NAMES: Final = {"zh": {"zh": "中文", "en": "英文"}, "en": {"zh": "Chinese", "en": "English"}}

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_TEAM = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, for people in both languages."""

    path: Path
    text: Mapping[str, str]

    def as_json(self) -> Json:
        """For an answer."""
        return {"path": list(self.path), "text": dict(self.text)}


def problem(path: Path, key: str, **params: Any) -> Problem:
    """A problem by the key of its text in the table ``company``."""
    return Problem(path, {language: render(f"company.{key}", params, language) for language in ("zh", "en")})


def problems_of(
    document: Json, *, trained: Sequence[str], topics: Collection[str], before: Json | None = None
) -> list[Problem]:
    """What keeps a document from being used.

    ``trained`` are the languages of the release, ``topics`` the intents' names. What ``before`` had already is not
    held against a change of something else.
    """
    try:
        found = [
            *_texts(document),
            *_colours(document, before),
            *_languages(document, trained),
            *_hours(document["hours"]),
            *_origins(document["embed"]["origins"]),
            *_contact(document["contact"]),
            *_numbers(document),
            *_teams(document, topics, before),
        ]
    except (KeyError, TypeError, AttributeError) as error:
        return [problem((), "invalid", detail=f"{type(error).__name__}: {error}")]
    return list({one.path: one for one in reversed(found)}.values())[::-1]


def _texts(document: Json) -> Iterator[Problem]:
    for key, most in LONGEST.items():
        texts = document[key]
        wanted = key != "tagline" or any(text.strip() for text in texts.values())
        for language in set(document["languages"]) & LANGUAGE_NAMES.keys():
            if wanted and not str(texts.get(language, "")).strip():
                yield _missing((key, language), language)
        for language, text in texts.items():
            if len(text) > most:
                yield problem((key, language), "too_long", most=most)
    if len(document["logo_text"]) > 2:
        yield problem(("logo_text",), "logo")


def _missing(path: Path, language: str) -> Problem:
    names = LANGUAGE_NAMES
    return Problem(
        path, {shown: render("company.missing", {"language": names[shown][language]}, shown) for shown in names}
    )


def contrast_with_white(colour: str) -> float:
    """Contrast ratio of white text on a colour ``#RRGGBB``, 1 to 21 (WCAG 2.2, section 1.4.3)."""
    levels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _colours(document: Json, before: Json | None) -> Iterator[Problem]:
    for name in ("primary", "accent"):
        colour = document["colours"][name]
        if not _COLOUR.fullmatch(colour):
            yield problem(("colours", name), "colour")
        elif (before or {}).get("colours", {}).get(name) != colour and contrast_with_white(colour) < AA:
            # Rounded down, or 4.49 would be shown as enough.
            yield problem(("colours", name), "contrast", ratio=f"{int(contrast_with_white(colour) * 10) / 10:.1f}")


def _languages(document: Json, trained: Sequence[str]) -> Iterator[Problem]:
    languages = document["languages"]
    if not languages:
        yield problem(("languages",), "language_needed")
    for language in languages:
        if language not in trained:
            names = {shown: LANGUAGE_NAMES[shown].get(language, language) for shown in LANGUAGE_NAMES}
            texts = {shown: render("company.language_untrained", {"language": names[shown]}, shown) for shown in names}
            yield Problem(("languages",), texts)
    if languages and document["default_language"] not in languages:
        yield problem(("default_language",), "default_language")


def _hours(hours: Json) -> Iterator[Problem]:
    for day in WEEKDAYS:
        if day not in hours:
            continue
        times = hours[day]["open"], hours[day]["close"]
        if not all(_CLOCK.fullmatch(time) for time in times):
            yield problem(("hours", day), "clock")
        elif times[0] >= times[1]:
            yield problem(("hours", day), "hours_order")
    for at, value in enumerate(hours["holidays"][:MOST]):
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            yield problem(("hours", "holidays", at), "date", value=value[:40])
    yield from _twice(("hours", "holidays"), hours["holidays"])


def _origins(origins: list[str]) -> Iterator[Problem]:
    for at, origin in enumerate(origins[:MOST]):
        if not _ORIGIN.fullmatch(origin):
            yield problem(("embed", "origins", at), "origin", value=origin[:100])
    yield from _twice(("embed", "origins"), origins)


def _contact(contact: Json) -> Iterator[Problem]:
    if contact.get("email") and not _EMAIL.fullmatch(contact["email"]):
        yield problem(("contact", "email"), "email")
    if contact.get("url") and not contact["url"].startswith(("https://", "http://")):
        yield problem(("contact", "url"), "address")


def _numbers(document: Json) -> Iterator[Problem]:
    for (table, key), (low, high, whole) in NUMBERS.items():
        value = document[table][key]
        fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            bounds = [f"{bound:g}" if bound < 1 else f"{bound:.0f}" for bound in (low, high)]
            yield problem((table, key), "whole_number" if whole else "number", low=bounds[0], high=bounds[1])


def _teams(document: Json, topics: Collection[str], before: Json | None) -> Iterator[Problem]:
    teams = document["desk"]["teams"]
    known = {topic for team in (before or {}).get("desk", {}).get("teams", []) for topic in team["topics"]}
    for at, team in enumerate(teams[:MOST]):
        place: Path = ("desk", "teams", at)
        if not _TEAM.fullmatch(team["id"]):
            yield problem((*place, "id"), "team_id")
        for language in set(document["languages"]) & LANGUAGE_NAMES.keys():
            if not str(team["name"].get(language, "")).strip():
                yield _missing((*place, "name", language), language)
        for topic in team["topics"]:
            if topic not in topics and topic not in known:
                yield problem((*place, "topics"), "topic", value=topic)
        for reason in team["reasons"]:
            if reason not in HANDOFF_REASONS:
                yield problem((*place, "reasons"), "reason", value=reason)
    yield from _twice(("desk", "teams"), [team["id"] for team in teams], "id")


def _twice(path: Path, values: Sequence[str], *more: str) -> Iterator[Problem]:
    if len(values) > MOST:
        yield problem(path, "invalid", detail=f"at most {MOST}")
    for at, value in enumerate(values):
        if value in values[:at]:
            yield problem((*path, at, *more), "twice", value=value)


def differences(before: Json, after: Json) -> list[Json]:
    """Fields that differ, with both values; one that is missing on a side is null there. Lists are compared whole."""

    def walk(path: tuple[str, ...], one: Any, other: Any) -> Iterator[Json]:
        if isinstance(one, dict) and isinstance(other, dict):
            for key in [*one, *(key for key in other if key not in one)]:
                yield from walk((*path, key), one.get(key), other.get(key))
        elif one != other:
            yield {"path": list(path), "before": one, "after": other}

    found = list(walk((), _by_team(before), _by_team(after)))
    return [line for line in found if line["before"] != line["after"]]


def _by_team(document: Json) -> Json:
    """The document with its teams by their ids, so that one team's change shows as that."""
    desk = document.get("desk") or {}
    return {**document, "desk": {**desk, "teams": {team["id"]: team for team in desk.get("teams", [])}}}


def as_toml(document: Json, first: Mapping[str, Any], paths: Mapping[str, str]) -> str:
    """The document as a ``company.toml``; ``first`` are the keys that the console does not change."""
    lines = [f"{key} = {_value(value)}" for key, value in first.items()]
    tables = {key: value for key, value in document.items() if isinstance(value, dict) and key not in _TEXTS}
    lines += [f"{key} = {_value(value)}" for key, value in document.items() if key not in tables]
    for key, table in tables.items():
        lines += ["", f"[{key}]"]
        lines += [f"{name} = {_value(value)}" for name, value in table.items() if value is not None and name != "teams"]
        for team in table.get("teams", []):
            lines += ["", f"[[{key}.teams]]", *(f"{name} = {_value(value)}" for name, value in team.items())]
    lines += ["", "[paths]", *(f"{key} = {_value(value)}" for key, value in paths.items())]
    return "\n".join(lines) + "\n"


_TEXTS: Final = frozenset({"name", "tagline", "greeting"})


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    # A JSON string is a TOML basic string, but for the one control character that JSON lets through.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
