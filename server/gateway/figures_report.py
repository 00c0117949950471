"""The figures as the console shows them: read from the sums of `figures_keeper`, never from the messages."""

import asyncio
import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import case, func, or_, select

from server.company import Company
from server.gateway.figures_outcome import Counts, percentile
from server.gateway.intervals import wilson
from server.release import MANIFEST
from server.storage.store import Store
from server.storage.tables import (
    conversations,
    figures_days,
    figures_state,
    figures_unanswered,
    labels,
    review_items,
    trainings,
    turns,
)

Json = dict[str, Any]
CHANNELS: Final = ("text", "voice", "picture")
MOST_DAYS: Final = 800
MOST_QUESTIONS: Final = 20
_MINUTES: Final = 60
_LATELY: Final = 50
"""Conversations among whose turns the newest release is looked for: turns themselves have no order by time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which figures: the days from `first` to `last`, both counted, one channel or all, one language or all."""

    first: date
    last: date
    channel: str | None = None
    language: str | None = None

    def days(self) -> list[str]:
        """Every day, also those without traffic."""
        return [(self.first + timedelta(days=n)).isoformat() for n in range((self.last - self.first).days + 1)]

    def conditions(self, table: Any) -> list[Any]:
        """The same for a table with a day, a channel and a language."""
        found = [table.c.day >= self.first.isoformat(), table.c.day <= self.last.isoformat()]
        if self.channel is not None:
            found.append(table.c.channel == self.channel)
        if self.language is not None:
            found.append(table.c.language == self.language)
        return found


async def report(store: Store, company: Company, releases: Path, wanted: Wanted) -> Json:
    """Everything of the page."""
    rows = await _rows(store, wanted)
    state = await store.one(select(figures_state.c.watermark, figures_state.c.complete))
    total = _sum(row.counts for row in rows)
    figures = company.figures
    return {
        "from": wanted.first.isoformat(),
        "to": wanted.last.isoformat(),
        "as_of": state.watermark if state else None,
        "complete": bool(state and state.complete),
        "targets": {
            "intents": figures.target_intents,
            "entities": figures.target_entities,
            "response_s": figures.target_response_s,
            "coverage": figures.target_coverage,
        },
        "total": _line(total),
        "days": [{"day": day, **_line(counts)} for day, counts in _by_day(rows, wanted).items()],
        "by_channel": [{"channel": name, **_line(counts)} for name, counts in _grouped(rows, "channel", CHANNELS)],
        "by_language": [
            {"language": name, **_line(counts)} for name, counts in _grouped(rows, "language", company.languages)
        ],
        "reasons": _reasons(total),
        "saved": _saved(total, company),
        "quality": {**(await _quality(store, company, releases)), "reviewed": await _reviewed(store, wanted)},
        "unanswered": await _unanswered(store, wanted),
    }


async def as_csv(store: Store, wanted: Wanted) -> str:
    """One row for each day, channel and language with traffic, and one without channel for a day that had none."""
    out = io.StringIO()
    writer = csv.writer(out)
    rows = await _rows(store, wanted)
    names = [key for key in _line({}) if key not in {"coverage", "containment", "handoff", "satisfaction", "response"}]
    shares = ("coverage", "containment", "handoff", "satisfaction")
    columns = [f"{share}{end}" for share in shares for end in ("", "_low", "_high", "_of")]
    writer.writerow(["day", "channel", "language", *names, *columns, "response_mean_s", "response_p95_s"])
    seen = {row.day for row in rows}
    empty: list[tuple[str, str, str, Counts]] = [(day, "", "", {}) for day in wanted.days() if day not in seen]
    for day, channel, language, counts in sorted([*((r.day, r.channel, r.language, r.counts) for r in rows), *empty],
                                                 key=lambda one: one[:3]):  # fmt: skip
        line = _line(counts)
        parts = [line[share][end] for share in shares for end in ("value", "low", "high", "of")]
        cells = [*(line[name] for name in names), *parts, line["response"]["mean_s"], line["response"]["p95_s"]]
        writer.writerow([day, channel, language, *("" if cell is None else cell for cell in cells)])
    return out.getvalue()


async def _rows(store: Store, wanted: Wanted) -> Sequence[Any]:
    columns = (figures_days.c.day, figures_days.c.channel, figures_days.c.language, figures_days.c.counts)
    return await store.all(select(*columns).where(*wanted.conditions(figures_days)))


def _sum(parts: Iterable[Mapping[str, float]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def _by_day(rows: Sequence[Any], wanted: Wanted) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {day: Counter() for day in wanted.days()}
    for row in rows:
        found[row.day].update(row.counts)
    return found


def _grouped(rows: Sequence[Any], column: str, order: Sequence[str]) -> list[tuple[str, Counter[str]]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[getattr(row, column)].update(row.counts)
    names = [*order, *sorted(found.keys() - set(order))]
    return [(name, found.get(name, Counter())) for name in names]


def _line(counts: Counts | Counter[str]) -> Json:
    """The figures of one sum; what cannot be said of nothing is null."""

    def whole(name: str) -> int:
        return round(counts.get(name, 0))

    answers = whole("answers")
    slowest = percentile(counts, 0.95)
    opinions = whole("thumbs_up") + whole("thumbs_down") + whole("rated")
    return {
        "conversations": whole("conversations"),
        "requests": whole("requests"),
        "running": whole("running"),
        "messages": whole("messages"),
        "handled": whole("handled"),
        "open": whole("open"),
        "returned": whole("returned"),
        "handed": whole("handed"),
        "solved": whole("solved"),
        "unsolved": whole("unsolved"),
        "coverage": share(whole("handled"), whole("decided")),
        "containment": share(whole("contained"), whole("decided")),
        "handoff": share(whole("handed"), whole("decided")),
        "satisfaction": share(whole("thumbs_up") + whole("rated_well"), opinions),
        "response": {
            "mean_s": round(counts.get("answer_ms", 0) / answers / 1000, 3) if answers else None,
            "p95_s": round(slowest / 1000, 3) if slowest is not None else None,
            "answers": answers,
        },
    }


def share(part: int, whole: int) -> Json:
    """A share with its 95 % interval (Wilson); nulls where there is nothing to divide by."""
    bounds = wilson(part, whole)
    if bounds is None:
        return {"value": None, "low": None, "high": None, "of": 0}
    return {"value": round(part / whole, 4), "low": round(bounds[0], 4), "high": round(bounds[1], 4), "of": whole}


def _reasons(total: Counter[str]) -> list[Json]:
    decided = round(total["decided"])
    found = {name.removeprefix("reason."): round(n) for name, n in total.items() if name.startswith("reason.")}
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [{"reason": reason, "count": n, "rate": share(n, decided)} for reason, n in ordered if n > 0]


def _saved(total: Counter[str], company: Company) -> Json:
    minutes, cost = company.figures.minutes_per_conversation, company.figures.cost_per_hour
    hours = total["handled"] * minutes / _MINUTES
    return {
        "handled": round(total["handled"]),
        "minutes": minutes,
        "cost_per_hour": cost,
        "currency": company.currency,
        "hours": round(hours, 1),
        "amount": round(hours * cost, 2),
    }


async def _unanswered(store: Store, wanted: Wanted) -> list[Json]:
    count = func.count().label("count")
    newest = func.max(figures_unanswered.c.day).label("newest")
    rows = await store.all(
        select(figures_unanswered.c.text, figures_unanswered.c.language, count, newest)
        .where(*wanted.conditions(figures_unanswered), figures_unanswered.c.text != "")
        .group_by(figures_unanswered.c.text, figures_unanswered.c.language)
        .order_by(count.desc(), newest.desc(), figures_unanswered.c.text)
        .limit(MOST_QUESTIONS)
    )
    return [{"text": row.text, "language": row.language, "count": row.count, "newest": row.newest} for row in rows]


async def _quality(store: Store, company: Company, releases: Path) -> Json:
    """How well the release in service understands, as was measured at its training on what it had not seen."""
    lately = select(conversations.c.id).order_by(conversations.c.updated.desc()).limit(_LATELY).scalar_subquery()
    row = await store.one(
        select(turns.c.release)
        .where(turns.c.conversation.in_(lately), turns.c.release.is_not(None))
        .order_by(turns.c.at.desc())
        .limit(1)
    )
    manifest = await asyncio.to_thread(_manifest, releases, row.release if row else None, company.id)
    if manifest is None:
        return {"release": None, "languages": []}
    metrics = (manifest.get("nlu") or {}).get("metrics") or {}
    names = ("examples", "intent_accuracy", "entity_f1", "ece", "coverage_at_risk_bound", "error_at_risk_bound")
    lines = []
    for language, found in metrics.items():
        if isinstance(found, dict):
            right, of = found.get("intent_accuracy"), found.get("examples") or 0
            bounds = wilson(right * of, of) if right is not None else None
            interval = {"low": round(bounds[0], 4), "high": round(bounds[1], 4)} if bounds else {}
            lines.append({"language": language, **{name: found.get(name) for name in names}, **interval})
    lines += await _held_out(store, str(manifest.get("id")))
    return {"release": manifest.get("id"), "risk_bound": manifest.get("risk_bound"), "languages": lines}


async def _held_out(store: Store, release: str) -> list[Json]:
    """What the newest comparison of a retraining measured of the release, over all languages; entities too."""
    newest = select(trainings.c.release, trainings.c.result).where(
        trainings.c.state == "done", or_(trainings.c.release == release, trainings.c.base == release)
    )
    row = await store.one(newest.order_by(trainings.c.id.desc()).limit(1))
    comparison = ((row.result if row is not None else None) or {}).get("comparison") or {}
    side = comparison.get("candidate" if row is not None and row.release == release else "base") or {}
    found = side.get("metrics") or {}
    if not found:
        return []
    names = ("intent_accuracy", "entity_f1", "ece", "coverage_at_risk_bound", "error_at_risk_bound")
    measured = {name: found.get(name) for name in names}
    return [{"language": "all", "examples": found.get("in_scope") or found.get("examples"), **measured}]


def _manifest(releases: Path, release: str | None, company: str) -> Json | None:
    """The manifest of a release, else of the company's newest one here; None on a machine that has none."""
    named = [releases / release / MANIFEST] if release else []
    there = sorted(releases.glob(f"r-*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [*named, *there]:
        if path.is_file():
            found: Json = json.loads(path.read_text("utf-8"))
            if found.get("company") == company:
                return found
    return None


async def _reviewed(store: Store, wanted: Wanted) -> Json:
    """Of the messages that people labelled, how many had been understood as what they were."""
    first, after = wanted.first.isoformat(), (wanted.last + timedelta(days=1)).isoformat()
    right = func.sum(case((labels.c.intent == review_items.c.intent, 1), else_=0))
    query = (
        select(right.label("right"), func.count().label("of"))
        .join(review_items, review_items.c.id == labels.c.item)
        .where(labels.c.at >= first, labels.c.at < after, labels.c.state == "accepted", labels.c.verdict == "intent")
    )
    if wanted.language is not None:
        query = query.where(labels.c.language == wanted.language)
    row = await store.one(query)
    return share(row.right or 0, row.of) if row is not None else share(0, 0)
