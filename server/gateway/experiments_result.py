"""What an experiment has shown: each variant's sums from the figures, and how sure one may be."""

from collections import Counter
from datetime import datetime, timedelta
from math import ceil, isfinite
from typing import Any, Final, Literal, get_args

from sqlalchemy import select

from server.gateway.intervals import wilson
from server.gateway.sequential import Arm, compare, standing, units_needed
from server.storage.store import Store
from server.storage.tables import experiment_units, figures_days, figures_facts

Json = dict[str, Any]
Metric = Literal["handled", "thumbs", "handoff", "answer_time"]
METRICS: Final[tuple[str, ...]] = get_args(Metric)
LOWER_IS_BETTER: Final = frozenset({"handoff", "answer_time"})
LONGEST_S: Final = 60.0
"""A response time counts as at most this, or one outage would drown everything else."""
PLANNED_FROM: Final = timedelta(days=28)


def value_of(metric: str, counts: Json) -> float | None:
    """What a conversation counts for; None while it says nothing (still going on, no verdict)."""
    if metric == "thumbs":
        up, down = counts.get("thumbs_up", 0), counts.get("thumbs_down", 0)
        return up / (up + down) if up + down else None
    if metric == "answer_time":
        answers = counts.get("answers", 0)
        return min(LONGEST_S, counts.get("answer_ms", 0) / answers / 1000) if answers else None
    # A conversation that may still be called back would change its value later: only settled ones are counted.
    if not counts.get("decided") or counts.get("open"):
        return None
    return float(counts.get("handled" if metric == "handled" else "handed", 0))


async def assess(store: Store, row: Any) -> Json:
    """The sums of both variants and what may be said. Each customer counts once, with their first conversation."""
    query = (
        select(experiment_units.c.unit, experiment_units.c.variant, figures_facts.c.counts)
        .join(figures_facts, figures_facts.c.conversation == experiment_units.c.conversation)
        .where(experiment_units.c.experiment == row.id)
        .order_by(experiment_units.c.at, experiment_units.c.conversation)
    )
    sums: dict[str, list[float]] = {"a": [0, 0.0, 0.0], "b": [0, 0.0, 0.0]}
    seen: set[str] = set()
    for met in await store.all(query):
        if met.unit in seen:
            continue
        seen.add(met.unit)
        value = value_of(row.metric, met.counts)
        if value is not None:
            part = sums[met.variant]
            part[0], part[1], part[2] = part[0] + 1, part[1] + value, part[2] + value * value
    a, b = (Arm(int(part[0]), part[1], part[2]) for part in sums.values())
    return result_of(row.metric, row.effect, a, b)


def result_of(metric: str, effect: float, a: Arm, b: Arm) -> Json:
    """What may be said of two variants: ``better`` and ``worse`` are about B, whichever way the metric runs."""
    sign = -1 if metric in LOWER_IS_BETTER else 1
    better = compare(_turned(a, sign), _turned(b, sign), effect=effect)
    bounds = sorted((sign * better.low, sign * better.high))
    return {
        "standing": standing(a, b, better, effect=effect),
        "p": round(better.p, 6),
        "difference": round(b.mean - a.mean, 6),
        "low": round(bounds[0], 6) if isfinite(bounds[0]) else None,
        "high": round(bounds[1], 6) if isfinite(bounds[1]) else None,
        "a": _arm(metric, a),
        "b": _arm(metric, b),
    }


def _turned(arm: Arm, sign: int) -> Arm:
    """The arm of the values with their sign turned, so that more is better."""
    return Arm(arm.n, sign * arm.total, arm.squares)


def _arm(metric: str, arm: Arm) -> Json:
    bounds = wilson(arm.total, arm.n) if metric != "answer_time" else None
    interval = {"low": round(bounds[0], 4), "high": round(bounds[1], 4)} if bounds else {"low": None, "high": None}
    return {"n": arm.n, "mean": round(arm.mean, 6) if arm.n else None, **interval}


async def plan(store: Store, metric: Metric, effect: float, share: float) -> Json:
    """Conversations and days that an experiment is likely to take, from the last four weeks' traffic; null unknown."""
    now = datetime.fromisoformat(store.now())
    first = (now - PLANNED_FROM).date().isoformat()
    total: Counter[str] = Counter()
    for row in await store.all(select(figures_days.c.counts).where(figures_days.c.day >= first)):
        total.update(row.counts)
    level, of = {
        "handled": (total["handled"], total["decided"]),
        "handoff": (total["handed"], total["decided"]),
        "thumbs": (total["thumbs_up"], total["thumbs_up"] + total["thumbs_down"]),
        "answer_time": (total["answer_ms"] / 1000, total["answers"]),
    }[metric]
    mean = level / of if of else None
    # Times scatter about as widely as they are long; a share scatters at most so, where nothing is known of it yet.
    unknown = 1.0 if metric == "answer_time" else 0.25
    known = mean**2 if mean and metric == "answer_time" else max(0.01, (mean or 0.0) * (1 - (mean or 0.0)))
    variance = unknown if mean is None else known
    units = units_needed(variance, effect)
    # Conversations that say something, a day; for response times every conversation with an answer does.
    informative = total["conversations"] if metric == "answer_time" else of
    daily = informative / PLANNED_FROM.days * share
    return {"mean": mean, "units": units, "daily": round(daily, 1), "days": ceil(units / daily) if daily else None}
