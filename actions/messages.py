"""Bot messages as data: a text key with parameters, choices, citations.

The gateway renders them; docs/architecture.md lists the forms.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any

Message = dict[str, Any]
Choice = dict[str, Any]


def message(key: str, /, *, choices: Iterable[Choice] = (), **params: Any) -> Message:
    """A message of the catalogues (``table.key``) with its parameters and buttons."""
    result: Message = {"key": key}
    if params:
        result["params"] = params
    buttons = list(choices)
    if buttons:
        result["choices"] = buttons
    return result


def company_text(texts: Mapping[str, str]) -> Message:
    """A message in the company's own words, per language."""
    return {"text": dict(texts)}


def choice(value: str, key: str, /, **params: Any) -> Choice:
    """A button whose label is a text of the catalogues."""
    return {"value": value, "key": key, "params": params} if params else {"value": value, "key": key}


def labelled(value: str, label: Mapping[str, str]) -> Choice:
    """A button whose label the company wrote."""
    return {"value": value, "label": dict(label)}


def press(intent: str, /, **entities: str) -> str:
    """The value of a button: ``/intent`` or ``/intent{"entity": "value"}``."""
    return f"/{intent}{json.dumps(entities, ensure_ascii=False)}" if entities else f"/{intent}"


def text(key: str, /, **params: Any) -> dict[str, Any]:
    """A parameter that is a text of the catalogues itself."""
    return {"$text": {"key": key, "params": params}}


def lines(items: Iterable[Message]) -> dict[str, Any]:
    """A parameter of one line for each message."""
    return {"$list": [{"key": item["key"], "params": item.get("params", {})} for item in items]}


def money(amount: str, currency: str) -> dict[str, Any]:
    """A parameter that is an amount of money."""
    return {"$money": [amount, currency]}


def date(iso: str | None) -> dict[str, Any]:
    """A parameter that is a day; a longer ISO time is cut to its day. What is no date is said to be open."""
    try:
        return {"$date": datetime.date.fromisoformat((iso or "")[:10]).isoformat()}
    except ValueError:
        return text("part.open")


def moment(iso: str | None, zone: object) -> dict[str, Any]:
    """A parameter that is a time of a day, shown in a time zone; without a time it is a day."""
    try:
        parsed = datetime.datetime.fromisoformat(iso or "")
    except ValueError:
        return date(iso)
    return {"$time": parsed.isoformat(), "zone": str(zone)} if parsed.tzinfo else date(iso)


def gb(volume: float) -> dict[str, Any]:
    """A parameter that is a data volume in GB, rounded to what people read (0.01)."""
    return {"$gb": round(volume, 2)}


def phone(number: str) -> dict[str, Any]:
    """A parameter that is a phone number; it is shown masked."""
    return {"$phone": number}
