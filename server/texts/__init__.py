"""The message catalogues, ``zh.toml`` and ``en.toml``, and how a bot message becomes text.

Parameters are data: a placeholder is replaced once, what a customer wrote is never read as a template.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
LANGUAGES = ("zh", "en")

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}


class UnknownTextError(KeyError):
    """A message names a key that the catalogues do not have."""


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All texts of a language by their key ``table.name``."""
    path = Path(__file__).with_name(f"{language}.toml")
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {f"{table}.{name}": text for table, texts in tables.items() for name, text in texts.items()}


def render(key: str, params: Mapping[str, Any] | None, language: str) -> str:
    """The text ``key`` with its placeholders filled.

    Raises:
        UnknownTextError: The key or one of its placeholders' parameters does not exist.
    """
    texts = catalogue(language)
    if key not in texts:
        raise UnknownTextError(f"text '{key}' is not in server/texts/{language}.toml")
    return fill(texts[key], params, language, key)


def fill(template: str, params: Mapping[str, Any] | None, language: str, name: str) -> str:
    """A template with its placeholders filled; ``name`` is what an error calls it.

    Raises:
        UnknownTextError: A placeholder's parameter is not given.
    """
    given = params or {}

    def put(match: re.Match[str]) -> str:
        wanted = match.group(1)
        if wanted not in given:
            raise UnknownTextError(f"text '{name}' needs the parameter '{wanted}'")
        return render_value(given[wanted], language)

    return _PLACEHOLDER.sub(put, template)


def placeholders(template: str) -> set[str]:
    """The parameters that a template needs."""
    return set(_PLACEHOLDER.findall(template))


def render_value(value: Any, language: str) -> str:
    """A parameter as people read it; docs/architecture.md lists the forms."""
    if not isinstance(value, Mapping):
        return str(value)
    if language in value or "zh" in value or "en" in value:
        return str(value.get(language) or value.get("zh") or value.get("en"))
    if "$money" in value:
        amount, currency = value["$money"]
        return f"{_SIGNS.get(currency, currency + ' ')}{amount}"
    if "$date" in value:
        return _date(date.fromisoformat(value["$date"][:10]), language)
    if "$time" in value:
        moment = datetime.fromisoformat(value["$time"]).astimezone(ZoneInfo(value.get("zone", "UTC")))
        return f"{_date(moment.date(), language)} {moment:%H:%M}"
    if "$gb" in value:
        return f"{float(value['$gb']):.2f}".rstrip("0").rstrip(".") + (" GB" if language == "en" else "GB")
    if "$phone" in value:
        digits = str(value["$phone"])
        return f"{digits[:3]}****{digits[-4:]}" if len(digits) >= 9 else digits
    if "$list" in value:
        return "\n".join(render(item["key"], item.get("params"), language) for item in value["$list"])
    if "$text" in value:
        return render(value["$text"]["key"], value["$text"].get("params"), language)
    raise UnknownTextError(f"parameter of an unknown form: {sorted(value)}")


def render_message(message: Mapping[str, Any], language: str) -> tuple[str, Json]:
    """A bot message of the actions as its text and the optional fields of a ``message`` frame."""
    text = _text(message, language)
    extra: Json = {}
    choices = message.get("choices")
    if choices:
        extra["choices"] = [
            {"value": choice["value"], "label": _text(choice, language, own="label")} for choice in choices
        ]
    for name in ("citations", "step"):
        if message.get(name):
            extra[name] = message[name]
    return text, extra


def _text(message: Mapping[str, Any], language: str, own: str = "text") -> str:
    if message.get("template"):  # another wording of a text, as an experiment tries it
        return fill(message["template"][language], message.get("params"), language, str(message.get("key")))
    if message.get("key"):
        return render(message["key"], message.get("params"), language)
    return render_value(message[own], language)


def _date(day: date, language: str) -> str:
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
