"""What supervisors look at: who does what, how long people wait, why conversations are handed over, ratings."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import func, select

from server.gateway.casework import REOPENED, TAKEN_OVER
from server.gateway.floor import Floor
from server.storage.desk import seconds_between
from server.storage.store import Escalation, Store, iso
from server.storage.tables import conversations, escalations, feedback, messages, turns

Json = dict[str, Any]
LIVE_FOR = timedelta(minutes=30)
MAX_LIVE = 100
MAX_ROWS = 20_000
_COLUMNS = (
    "agent",
    "reason",
    "topic",
    "since",
    "taken",
    "offered",
    "first_reply",
    "ended",
    "outcome",
    "score",
    "solved",
)


async def overview(store: Store, floor: Floor, now: datetime, period: timedelta) -> Json:
    """Everything of the supervisor's page: the present, and the figures of the last ``period``."""
    opened = await floor.reads.open_escalations()
    since = iso(now - period)
    rows = await store.all(
        select(*(escalations.c[name] for name in _COLUMNS)).where(escalations.c.since >= since).limit(MAX_ROWS)
    )
    began = await store.one(select(func.count()).select_from(conversations).where(conversations.c.created >= since))
    with_bot = await store.one(
        select(func.count()).where(conversations.c.mode == "bot", conversations.c.updated >= iso(now - LIVE_FOR))
    )
    people = await floor.colleague_list(opened)
    return {
        "now": _present(opened, now, with_bot[0] if with_bot else 0),
        "agents": [
            {**person, "conversations": _held(floor, opened, person["agent"]), "today": _figures(rows, person["agent"])}
            for person in people
        ],
        "waits": _waits(rows, floor.company.desk.pick_up_s),
        "handoffs": _handoffs(rows, began[0] if began else 0),
        "ratings": {
            "agents": _ratings(rows, "agent", {person["agent"]: person["name"] for person in people}),
            "intents": _ratings(rows, "topic", {one.name: one.label for one in floor.company.intents.values()}),
            "answers": await _answers(store, since),
        },
        "live": await _live(store, now),
    }


def _present(opened: Sequence[Escalation], now: datetime, with_bot: int) -> Json:
    waiting = [one for one in opened if one.state == "waiting"]
    oldest = min((one.since for one in waiting), default=None)
    states = Counter(one.state for one in opened)
    return {
        "waiting": len(waiting),
        "offered": sum(one.assignee is not None for one in waiting),
        "assigned": states["assigned"],
        "snoozed": states["snoozed"],
        "bot": with_bot,
        "longest_wait_s": round(seconds_between(oldest, iso(now))) if oldest else None,
    }


def _held(floor: Floor, opened: Sequence[Escalation], agent: str) -> list[Json]:
    held = []
    for one in opened:
        if one.agent == agent and one.state in {"assigned", "snoozed"}:
            topic = floor.company.intents.get(one.topic or "")
            held.append(
                {
                    "conversation": one.conversation,
                    "state": one.state,
                    "since": one.taken,
                    "unanswered": one.unanswered,
                    "topic_label": topic.label if topic else None,
                }
            )
    return held


def _figures(rows: Sequence[Any], agent: str) -> Json:
    mine = [row for row in rows if row.agent == agent and row.taken]
    closed = [row for row in mine if row.ended]
    return {
        "taken": len(mine),
        "closed": len(closed),
        "median_pick_up_s": _median(seconds_between(row.offered or row.since, row.taken) for row in mine),
        "median_reply_s": _median(seconds_between(row.taken, row.first_reply) for row in mine if row.first_reply),
        "median_handling_s": _median(seconds_between(row.taken, row.ended) for row in closed),
        **_verdict(closed),
    }


def _verdict(rows: Sequence[Any]) -> Json:
    scores = [row.score for row in rows if row.score]
    solved = [row.solved for row in rows if row.solved is not None]
    return {
        "rating": round(sum(scores) / len(scores), 2) if scores else None,
        "solved_share": round(sum(solved) / len(solved), 3) if solved else None,
    }


def _median(seconds: Any) -> float | None:
    given = list(seconds)
    return round(median(given), 1) if given else None


def _waits(rows: Sequence[Any], target_s: float) -> Json:
    waits = sorted(seconds_between(row.since, row.taken) for row in rows if row.taken)
    if not waits:
        return {"median_s": None, "p90_s": None, "within_target": None}
    return {
        "median_s": round(median(waits), 1),
        "p90_s": round(waits[min(len(waits) - 1, int(len(waits) * 0.9))], 1),
        "within_target": round(sum(wait <= target_s for wait in waits) / len(waits), 3),
    }


def _handoffs(rows: Sequence[Any], began: int) -> Json:
    # What people began themselves is no hand-off of the bot's.
    reasons = Counter(row.reason for row in rows if row.reason not in {TAKEN_OVER, REOPENED})
    total = sum(reasons.values())
    return {
        "conversations": began,
        "escalated": total,
        "rate": round(total / began, 3) if began else None,
        "reasons": [
            {"reason": reason, "count": count, "share": round(count / total, 3)}
            for reason, count in reasons.most_common()
        ],
    }


def _ratings(rows: Sequence[Any], column: str, names: dict[str, Any]) -> list[Json]:
    by_value: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        value = getattr(row, column)
        if value and (row.score or row.solved is not None):
            by_value[value].append(row)
    name_of = "name" if column == "agent" else "label"
    key = "agent" if column == "agent" else "intent"
    found = []
    for value, rated in sorted(by_value.items(), key=lambda item: -len(item[1])):
        verdict = _verdict(rated)
        line = {key: value, name_of: names.get(value, value), "count": len(rated)}
        found.append({**line, "score": verdict["rating"], "solved_share": verdict["solved_share"]})
    return found


async def _answers(store: Store, since: str) -> list[Json]:
    """What customers said of single answers of the bot, by intent and text."""
    rows = await store.all(
        select(feedback.c.score, turns.c.record, messages.c.turn_index)
        .join(messages, (messages.c.conversation == feedback.c.conversation) & (messages.c.seq == feedback.c.seq))
        .join(turns, (turns.c.conversation == messages.c.conversation) & (turns.c.seq == messages.c.turn))
        .where(feedback.c.at >= since, feedback.c.seq.is_not(None))
        .limit(MAX_ROWS)
    )
    found: dict[tuple[str, str], Json] = {}
    for row in rows:
        said = row.record.get("bot") or []
        answer = said[row.turn_index] if row.turn_index is not None and row.turn_index < len(said) else {}
        cited: Json = next(iter(answer.get("citations") or []), {})
        intent = (row.record.get("parse") or {}).get("intent", {}).get("name") or ""
        key = str(cited.get("url") or answer.get("key") or "")
        line = found.setdefault((intent, key), {"intent": intent, "key": key, "count": 0, "good": 0, "bad": 0})
        line["count"] += 1
        line["good" if row.score > 0 and row.score not in {2} else "bad"] += 1
    return sorted(found.values(), key=lambda line: -line["count"])


async def _live(store: Store, now: datetime) -> list[Json]:
    one, last = conversations.c, messages.c
    rows = await store.all(
        select(one.id, one.locale, one.last_seq, one.updated, last.text)
        .join(messages, (last.conversation == one.id) & (last.seq == one.last_seq))
        .where(one.mode == "bot", one.updated >= iso(now - LIVE_FOR), one.last_seq > 1)
        .order_by(one.updated.desc())
        .limit(MAX_LIVE)
    )
    names = ("conversation", "locale", "messages", "updated", "last_text")
    return [dict(zip(names, row, strict=True)) for row in rows]
