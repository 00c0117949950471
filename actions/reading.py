"""Reads answers out of a customer's own words: numbers typed, spelled or spoken, amounts, choices, times of day.

The model's entities come first wherever there are any; this is what remains when a short answer such as "2", "the
second one" or "尾号 107" has none. Everything here is a pure function of the turn and the open question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from actions.state import Expect
from actions.turn import Turn
from actions.words import (
    CODE,
    DAYS,
    DIGITS,
    EN_DIGITS,
    EN_TIMES,
    FILLER,
    ISO_DAY,
    LAST,
    NO,
    NUMBER,
    ORDINALS,
    OTHER_NUMBER,
    PARTS,
    REFERENCE,
    RESEND,
    SPELLED_EN,
    SPELLED_ZH,
    STRONG,
    VOLUME,
    WEEKDAYS,
    YES,
    ZH_DIGITS,
)  # fmt: skip

_MOBILE_DIGITS = 11
_SHORT_PLACE = 16
_MOBILE_MIN, _PHONE_MAX = 7, 13


@dataclass(frozen=True, slots=True)
class Answer:
    """A value read for the open question; ``exact`` when the message says hardly anything else."""

    value: Any
    exact: bool


def plain(text: str) -> str:
    """Full-width characters as usual ones, digits spelled in Chinese or English as digits."""
    text = unicodedata.normalize("NFKC", text)
    text = SPELLED_ZH.sub(lambda found: "".join(str(ZH_DIGITS.get(c, c)) for c in found[0]), text)
    return SPELLED_EN.sub(lambda found: _spoken(found[0]), text)


def phone_number(turn: Turn) -> str | None:
    """A phone number in the turn as digits without country code, or ``None``."""
    others = {re.sub(r"\D", "", one.raw) for one in turn.entities if one.kind != "phone_number"}
    typed = (found[0] for found in DIGITS.finditer(plain(turn.text)) if re.sub(r"\D", "", found[0]) not in others)
    for candidate in (turn.entity("phone_number"), *typed):
        digits = re.sub(r"\D", "", candidate or "")
        if digits.startswith("86") and len(digits) == _PHONE_MAX:
            digits = digits[2:]
        if _MOBILE_MIN <= len(digits) <= _PHONE_MAX:
            return digits
    return None


def one_time_code(turn: Turn) -> str | None:
    """A code of four to eight digits, or ``None``."""
    given = turn.entity("otp_code")
    found = CODE.search(plain(turn.text))
    digits = re.sub(r"\D", "", given or (found[0] if found else ""))
    return digits or None


def reference(turn: Turn, kind: str) -> str | None:
    """An order or ticket number: the entity, else letters and digits that look like one (or digits alone)."""
    given = turn.entity(kind)
    if given is not None:
        return given.upper()
    text = plain(turn.text)
    found = REFERENCE.search(text)
    if found is not None:
        return f"{found[1]}{'-' if found[2] else ''}{re.sub(r'[^0-9]', '', found[3])}".upper()
    return None


def volume_gb(turn: Turn, *, bare: bool) -> float | None:
    """A data volume in GB, megabytes rounded to 0.1 GB; ``bare`` accepts a number without a unit."""
    given = turn.entity("data_volume")
    if given is not None and NUMBER.fullmatch(given):
        return _rounded(float(given))
    text = plain(turn.text)
    for source in (given or "", text):
        found = VOLUME.search(source)
        if found is None:
            continue
        amount = {"一": 1.0, "两": 2.0, "二": 2.0, "半": 0.5}.get(found[1]) or float(found[1])
        if found[2]:
            amount += 0.5
        return _rounded(amount / 1024 if found[3].lower().startswith(("m", "兆")) else amount)
    number = NUMBER.search(text) if bare else None
    return float(number[0]) if number else None


def _rounded(volume: float) -> float:
    """What is said in megabytes becomes tenths of a gigabyte, the steps that data is sold in."""
    return round(volume, 1) if volume < 1 else volume


def visit_time(turn: Turn) -> dict[str, str] | None:
    """A day and a part of it: ``{"day": "2026-11-23", "part": "morning"}``, either alone where only one was said."""
    text = plain(turn.text)
    given = ISO_DAY.search(turn.entity("date") or "")
    day = given[0] if given else _day(text, turn.now.date())
    part = next((name for name, pattern in PARTS if pattern.search(text)), None)
    found = {name: value for name, value in (("day", day), ("part", part)) if value}
    return found or None


def picked(turn: Turn, options: Sequence[dict[str, Any]]) -> str | None:
    """The one option that a press, an ordinal, the end of a number or a word of its own names, or ``None``."""
    chosen = turn.entity("choice")
    if chosen is not None:
        return next((str(option["value"]) for option in options if str(option["value"]) == chosen), None)
    text = plain(turn.text).casefold()
    for index, ordinal in enumerate(ORDINALS[: len(options)]):
        if ordinal.search(text):
            return str(options[index]["value"])
    if options and LAST.search(text):
        return str(options[-1]["value"])
    squeezed = "".join(text.split())
    if squeezed.isdigit() and len(squeezed) == 1 and 0 < int(squeezed) <= len(options):
        return str(options[int(squeezed) - 1]["value"])
    named = {str(option["value"]) for option in options if _names(squeezed, option.get("words", []))}
    return named.pop() if len(named) == 1 else None


def ending(turn: Turn, numbers: Iterable[str]) -> str | None:
    """The one of some phone numbers that ends in three or more digits of the text."""
    digits = [re.sub(r"\D", "", found) for found in re.findall(r"\d[\d\s-]*", plain(turn.text))]
    ends = [found for found in digits if len(found) >= 3]
    matches = {number for number in numbers for end in ends if number.endswith(end)}
    return matches.pop() if len(matches) == 1 else None


def yes(turn: Turn) -> bool:
    """Whether the whole message is a yes."""
    return _whole(turn.text, YES)


def no(turn: Turn) -> bool:
    """Whether the whole message is a no."""
    return _whole(turn.text, NO)


def wants_new_code(turn: Turn) -> bool:
    """Whether the customer says that a code did not arrive or should be sent again."""
    return turn.entity("choice") == "resend" or bool(RESEND.search(turn.text))


def told_number(turn: Turn) -> str | None:
    """A phone number that is surely one: the parse says so, or its length; other digits are a sum or an order."""
    number = phone_number(turn)
    sure = turn.entity("phone_number") is not None or (number is not None and len(number) == _MOBILE_DIGITS)
    return number if sure else None


def place(turn: Turn) -> dict[str, str] | None:
    """The first place that a message names, as said and as normalised."""
    entity = next((entity for entity in turn.entities if entity.kind == "place"), None)
    return {"raw": entity.raw or entity.value, "value": entity.value} if entity is not None else None


def means_number(turn: Turn) -> bool:
    """Whether a correction speaks of a number or of "the other one"."""
    return bool(OTHER_NUMBER.search(turn.text))


def strongly_upset(turn: Turn) -> bool:
    """Whether a complaint names a regulator, a lawyer or fraud, or is shouted."""
    return bool(STRONG.search(turn.text))


def answer(expect: Expect, turn: Turn) -> Answer | None:
    """Read the answer to the open question from the turn.

    A number is an answer wherever it stands; other values are exact only when the message says hardly anything else,
    so that "how much is the Leaf plan?" is a question and not a choice.
    """
    if turn.entity("choice") is not None:
        value = picked(turn, expect.options)
        return None if value is None else Answer(value, exact=True)
    match expect.kind:
        case "phone":
            return _certain(phone_number(turn))
        case "line":
            return _certain(picked(turn, expect.options))
        case "otp":
            return _maybe(one_time_code(turn), turn, "otp_code")
        case "order":
            return _certain(reference(turn, "order_number"))
        case "ticket":
            return _certain(reference(turn, "ticket_number"))
        case "plan":
            return _maybe(_plan(expect, turn), turn, "plan", "data_volume")
        case "amount":
            return _maybe(volume_gb(turn, bare=True), turn, "data_volume")
        case "time":
            return _maybe(visit_time(turn), turn, "date")
        case "place":
            return _place(turn)
    return None


def _plan(expect: Expect, turn: Turn) -> str | None:
    named = turn.entity("plan")
    known = {str(option["value"]) for option in expect.options}
    if named is not None and named in known:
        return named
    return picked(turn, expect.options)


def _place(turn: Turn) -> Answer | None:
    named = place(turn)
    if named is not None:
        return Answer(named, exact=_covers(turn.text, named["raw"]))
    text = turn.text.strip()
    if not text or len(text) > _SHORT_PLACE or turn.understood:
        return None
    return Answer({"raw": text, "value": text}, exact=False)


def _certain(value: str | None) -> Answer | None:
    return None if value is None else Answer(value, exact=True)


def _maybe(value: Any, turn: Turn, *kinds: str) -> Answer | None:
    if value is None:
        return None
    raws = [entity.raw for entity in turn.entities if entity.kind in kinds and entity.raw]
    short = len(FILLER.sub("", plain(turn.text))) <= 10
    return Answer(value, exact=turn.intent == "inform" or short or any(_covers(turn.text, raw) for raw in raws))


def _covers(text: str, part: str) -> bool:
    """Whether a text says hardly anything besides a part of it."""
    return len(FILLER.sub("", text.replace(part, ""))) <= 3


def _names(squeezed: str, words: Iterable[str]) -> bool:
    for word in words:
        wanted = "".join(word.casefold().split())
        if not wanted:
            continue
        if wanted.isdigit():
            ends = [found for found in re.findall(r"\d+", squeezed) if len(found) >= 3]
            if any(wanted.endswith(end) for end in ends):
                return True
        elif re.search(rf"(?<![a-z0-9]){re.escape(wanted)}(?![0-9])", squeezed) or wanted in squeezed:
            return True
    return False


def _day(text: str, today: date) -> str | None:
    for offset, pattern in DAYS:
        if pattern.search(text):
            return (today + timedelta(days=offset)).isoformat()
    for weekday, pattern in enumerate(WEEKDAYS):
        if pattern.search(text):
            return (today + timedelta(days=(weekday - today.weekday()) % 7 or 7)).isoformat()
    return None


def _spoken(text: str) -> str:
    digits, times = [], 1
    for word in re.findall(r"[a-z]+", text.casefold()):
        if word in EN_TIMES:
            times = EN_TIMES[word]
        else:
            digits.append(EN_DIGITS[word] * times)
            times = 1
    return "".join(digits)


def _whole(text: str, words: frozenset[str]) -> bool:
    said = re.sub(r"[\s,.!?，。！？~～]+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()
    return said in words or (bool(said) and all(word in words for word in said.split()))
