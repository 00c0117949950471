"""Read a company's ``accounts.json`` into the store, once, when the store is new.

The file has one list per kind (``customers``, ``lines``, ``plans``, ``bills``, ``orders``, ``tickets``, ``outages``
and, where it is not inside the line, ``usage``) with the contract's schemas. Besides them:

- a line's ``plan`` is the plan's id (a whole plan is accepted and reduced to its id); its ``usage`` may be inside it;
- a text may be given per language, ``{"zh": …, "en": …}``, and a plan may have ``names`` per language; an answer
  carries the one that ``Accept-Language`` asks for;
- a date may be a macro: ``@today``, ``@today+9d``, ``@today-3d``, ``@month_start``, ``@month_end``,
  ``@next_month_start``, each with ``+Nd`` or ``-Nd``, and a time after it: ``@today-1dT08:30:00Z``. A macro in the
  middle of a text is replaced too.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from server.accounts.store import Document, Store

KINDS = ("customers", "lines", "plans", "bills", "orders", "tickets", "outages", "usage")
_REQUIRED = {
    "customers": ("id", "name"),
    "lines": ("id", "customer", "phone", "status"),
    "plans": ("id", "name"),
    "bills": ("id", "customer", "status", "amount"),
    "orders": ("id", "status"),
    "tickets": ("id", "customer", "status"),
    "outages": ("id", "area"),
    "usage": ("line",),
}
_MACRO = re.compile(
    r"@(today|now|month_start|month_end|next_month_start|prev_month_start|prev_month_end)(?:([+-]\d+)d)?"
)


class SeedError(Exception):
    """The company's accounts file cannot be used; the message names the file, the place and the way out."""


def seed(store: Store, path: Path, *, now: datetime) -> None:
    """Fill an empty store from ``path``; a store that holds anything is left as it is.

    Args:
        store: Where the documents go.
        path: The company's ``accounts.json``.
        now: The moment that date macros are relative to.

    Raises:
        SeedError: The file is missing, not JSON, or a document in it lacks what the contract requires.
    """
    if not store.empty:
        return
    documents = load(path, now=now)
    with store.transaction():
        for kind, found in documents.items():
            for document in found:
                store.put(kind, document)


def load(path: Path, *, now: datetime) -> dict[str, list[Document]]:
    """Read and check the file: documents by kind, macros resolved, references between them verified.

    Raises:
        SeedError: See `seed`.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SeedError(f"{path}: cannot be read ({error}); give another file with --seed") from error
    except ValueError as error:
        raise SeedError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(raw, dict):
        raise SeedError(f"{path}: must be an object with the lists {', '.join(KINDS)}")
    resolved = _resolve(raw, now)
    documents: dict[str, list[Document]] = {}
    for kind in KINDS:
        documents[kind] = [_checked(path, kind, index, item) for index, item in enumerate(_listed(resolved.get(kind)))]
    _reduce_lines(documents)
    _check_references(path, documents)
    return documents


def _listed(value: Any) -> list[Any]:
    """A list as it is; an object keyed by id as a list of its values with the id inside."""
    if isinstance(value, dict):
        return [{"id": key, **item} if isinstance(item, dict) else item for key, item in value.items()]
    return value if isinstance(value, list) else []


def _checked(path: Path, kind: str, index: int, item: Any) -> Document:
    place = f"{path}: {kind}[{index}]"
    if not isinstance(item, dict):
        raise SeedError(f"{place}: must be an object")
    missing = [name for name in _REQUIRED[kind] if item.get(name) in (None, "")]
    if missing:
        raise SeedError(f"{place}: {', '.join(missing)} missing")
    return dict(item)


def _reduce_lines(documents: dict[str, list[Document]]) -> None:
    """Bring lines and usage into the stored form: the plan by id, usage as documents of their own."""
    usage = {item["line"]: {**item, "id": item["line"]} for item in documents["usage"]}
    for line in documents["lines"]:
        if isinstance(line.get("plan"), dict):
            plan = line["plan"]
            line["plan"] = plan["id"]
            if all(known["id"] != plan["id"] for known in documents["plans"]):
                documents["plans"].append(plan)
        inside = line.pop("usage", None)
        if isinstance(inside, dict):
            usage.setdefault(line["id"], {**inside, "line": line["id"], "id": line["id"]})
    documents["usage"] = list(usage.values())
    for customer in documents["customers"]:
        customer["lines"] = [line["id"] for line in documents["lines"] if line["customer"] == customer["id"]]


def _check_references(path: Path, documents: dict[str, list[Document]]) -> None:
    ids = {kind: {document["id"] for document in documents[kind]} for kind in KINDS}
    for kind in KINDS:
        if len(ids[kind]) != len(documents[kind]):
            raise SeedError(f"{path}: {kind}: an id occurs twice")
    points = (("lines", "customer", "customers"), ("lines", "plan", "plans"), ("bills", "customer", "customers"),
              ("tickets", "customer", "customers"), ("usage", "line", "lines"))  # fmt: skip
    for kind, field, target in points:
        for document in documents[kind]:
            value = document.get(field)
            if value is not None and value not in ids[target]:
                raise SeedError(f"{path}: {kind} {document['id']}: {field} {value} is not among the {target}")


def _resolve(value: Any, now: datetime) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(item, now) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, now) for item in value]
    if isinstance(value, str) and "@" in value:
        return _MACRO.sub(lambda found: _moment(found, now), value)
    return value


def _moment(found: re.Match[str], now: datetime) -> str:
    offset = timedelta(days=int(found[2] or 0))
    if found[1] == "now":
        return (now + offset).isoformat(timespec="seconds").replace("+00:00", "Z")
    today = now.date()
    month = today.replace(day=1)
    following = _next_month(month)
    days = {
        "today": today,
        "month_start": month,
        "month_end": following - timedelta(days=1),
        "next_month_start": following,
        "prev_month_start": (month - timedelta(days=1)).replace(day=1),
        "prev_month_end": month - timedelta(days=1),
    }
    return (days[found[1]] + offset).isoformat()


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
