"""What became of a conversation, as numbers that add up: pure, so that a day's figures are a sum.

A conversation counts on the day on which it began, in the company's time zone. It is a *request* once the customer
wanted something, and *decided* once a person was needed, it was closed, or nothing was written for `IDLE`. Decided
requests are *contained* where no person was needed, and *handled* where, besides, the goal was reached and the customer
did not come back with the same matter within `RETURN`; until then they may still be counted differently (*open*).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log
from typing import Any, Final, Literal

from server.company import Definition

Json = dict[str, Any]
Counts = dict[str, float]
Outcome = Literal["served", "missed", "asked", "courtesy"]

IDLE: Final = timedelta(minutes=30)
RETURN: Final = timedelta(hours=24)
FALLBACK: Final = "nlu_fallback"
DYNAMIC: Final = "dynamic"
DIALOGUE: Final = "dialogue"
"""The group of intents that steer a conversation and are no matter of their own."""
_STEERING: Final = frozenset({
    "greet", "goodbye", "thanks", "affirm", "deny", "unsure", "cancel", "repeat", "correct", "inform",
    "start_over", "capabilities", "complain",
})  # fmt: skip

# What the bot said that reaches a goal, by text or by the texts' table; all else that it says is on the way there.
_RESULTS: Final = frozenset({
    "plan.answer", "plan.list", "plan.cheapest", "plan.most_data",
    "pay.sent", "pay.paid", "pay.paid_resume", "pay.nothing", "pay.not_due",
    "pay.waiting", "refuel.done", "refuel.full", "refuel.not_mobile", "change.done", "change.same",
    "roaming.done_on", "roaming.done_off", "roaming.already_on", "roaming.already_off", "suspend.done",
    "suspend.already", "resume.done", "resume.active", "visit.done", "order.answer", "ticket.answer",
    "ticket.none", "outage.found", "outage.none", "answer.found", "answer.may_help", "diagnosis.solved_end",
})  # fmt: skip
_RESULT_TABLES: Final = frozenset({"usage", "bill"})
_MISSES: Final = frozenset({"answer.unknown", "answer.not_helped", "diagnosis.no_article", "ask.stuck"})
_GIVEN_UP: Final = frozenset({"talk.cancelled", "diagnosis.stopped"})

BUCKET_RATIO: Final = 1.1
FIRST_BUCKET_MS: Final = 10.0
LAST_BUCKET: Final = 120
"""Response times are counted in buckets from 10 ms up, each 10 % wider than the one before: a percentile read from
them is off by less than 5 %. The last one takes all above about 15 minutes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the bot: what it was about and how it went."""

    seq: int
    at: datetime
    matter: str | None
    outcome: Outcome
    response_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """What is known of one conversation. `reasons` are those of its hand-overs, oldest first; `solved`, `rating` and
    `thumbs` what the customer said of it; `returns` what other conversations of the same customer were about, and when
    those began."""

    began: datetime
    last: datetime
    closed: bool
    steps: Sequence[Step]
    reasons: Sequence[str] = ()
    messages: int = 0
    thumbs: Mapping[int, int] = field(default_factory=dict)
    rating: int | None = None
    solved: bool | None = None
    returns: Sequence[tuple[datetime, frozenset[str]]] = ()

    @property
    def matters(self) -> frozenset[str]:
        """What the customer wanted."""
        return frozenset(step.matter for step in self.steps if step.matter)


def step_of(seq: int, at: datetime, status: str, record: Json, intents: Mapping[str, Definition]) -> Step:
    """A finished turn, read from its decision record."""
    intent = record.get("intent") or ((record.get("parse") or {}).get("intent") or {}).get("name")
    if intent == DYNAMIC:
        matter = (record.get("parse") or {}).get("dynamic")
    else:
        matter = intent if _is_matter(intents.get(str(intent))) else None
    said = [one for one in record.get("bot") or [] if isinstance(one, dict)]
    return Step(seq, at, matter, _outcome(status, str(intent), matter, said, record))


def _is_matter(definition: Definition | None) -> bool:
    if definition is None or definition.group == DIALOGUE:
        return False
    if definition.do == "handoff":
        return definition.reason != "customer_asked"
    return definition.do != "skill" or definition.skill not in _STEERING


def _outcome(status: str, intent: str, matter: str | None, said: Sequence[Json], record: Json) -> Outcome:
    keys = [str(one.get("key") or "") for one in said]
    if any(key in _RESULTS or key.partition(".")[0] in _RESULT_TABLES for key in keys):
        return "served"
    missed = status == "failed" or intent == FALLBACK
    if missed or any(key in _MISSES or key.startswith(("clarify.", "content.held")) for key in keys):
        return "missed"
    if (record.get("slots") or {}).get("awaiting") or any(key in _GIVEN_UP for key in keys):
        return "asked"
    return "served" if matter and said else "courtesy"


def count(talk: Talk, now: datetime) -> tuple[Counts, datetime | None]:
    """What the conversation adds to its day, and when it must be looked at again because time alone changes that."""
    counts: Counter[str] = Counter(conversations=1, messages=talk.messages)
    due: datetime | None = None
    wanted = bool(talk.matters) or any(step.outcome == "missed" for step in talk.steps) or bool(talk.reasons)
    if wanted:
        counts["requests"] = 1
        due = _decide(talk, now, counts)
    _opinions(talk, counts)
    for step in talk.steps:
        if step.response_ms is not None:
            counts["answers"] += 1
            counts["answer_ms"] += round(step.response_ms)
            counts[f"ms.{bucket_of(step.response_ms)}"] += 1
    return {name: number for name, number in counts.items() if number}, due


def _decide(talk: Talk, now: datetime, counts: Counter[str]) -> datetime | None:
    if talk.reasons:
        counts["decided"] = counts["handed"] = 1
        counts[f"reason.{talk.reasons[0]}"] = 1
        return None
    if not talk.closed and now < talk.last + IDLE:
        counts["running"] = 1
        return talk.last + IDLE
    counts["decided"] = counts["contained"] = 1
    if not reached(talk):
        return None
    if came_back(talk):
        counts["returned"] = 1
        return None
    counts["handled"] = 1
    if now < talk.last + RETURN:
        counts["open"] = 1
        return talk.last + RETURN
    return None


def reached(talk: Talk) -> bool:
    """Whether the customer got what they came for: the last thing that mattered was served, and they did not object."""
    decisive = [step for step in talk.steps if step.outcome != "courtesy"]
    if not decisive or decisive[-1].outcome != "served" or talk.solved is False:
        return False
    if talk.rating is not None and talk.rating <= 2:
        return False
    return not any(score < 0 for seq, score in talk.thumbs.items() if seq >= decisive[-1].seq)


def came_back(talk: Talk) -> bool:
    """Whether the same matter came up again within `RETURN`: in another conversation, or here after a pause."""
    for began, matters in talk.returns:
        if talk.began < began <= talk.last + RETURN and matters & talk.matters:
            return True
    seen: dict[str, datetime] = {}
    before: datetime | None = None
    visit = 0
    visits: dict[str, int] = {}
    for step in talk.steps:
        if before is not None and step.at - before > IDLE:
            visit += 1
        before = step.at
        if step.matter:
            at = seen.get(step.matter)
            if at is not None and visits[step.matter] != visit and step.at - at <= RETURN:
                return True
            seen[step.matter], visits[step.matter] = step.at, visit
    return False


def _opinions(talk: Talk, counts: Counter[str]) -> None:
    for score in talk.thumbs.values():
        if score:
            counts["thumbs_up" if score > 0 else "thumbs_down"] += 1
    if talk.rating:
        counts["rated"] += 1
        counts["rating"] += talk.rating
        counts["rated_well"] += talk.rating >= 4
    if talk.solved is not None:
        counts["solved" if talk.solved else "unsolved"] += 1


def bucket_of(ms: float) -> int:
    """The bucket of a response time in milliseconds."""
    if ms <= FIRST_BUCKET_MS:
        return 0
    return min(LAST_BUCKET, 1 + int(log(ms / FIRST_BUCKET_MS) / log(BUCKET_RATIO)))


def percentile(counts: Mapping[str, float], share: float) -> float | None:
    """A percentile of the response times in milliseconds, to within 5 %; None where nothing was answered."""
    buckets = sorted((int(name[3:]), number) for name, number in counts.items() if name.startswith("ms."))
    total = sum(number for _, number in buckets)
    if total <= 0:
        return None
    seen = 0.0
    for bucket, number in buckets:
        seen += number
        if seen >= share * total:
            return FIRST_BUCKET_MS * (BUCKET_RATIO ** (bucket - 0.5) if bucket else 1.0)
    raise AssertionError("the buckets hold what they add up to")  # pragma: no cover
