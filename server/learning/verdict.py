"""The rule by which a candidate may take the place of the release in service: not worse anywhere that matters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from server.company import Definition

Json = dict[str, Any]
SIGNIFICANCE: Final = 0.05
CALIBRATION_SLACK: Final = 0.02
"""By so much the calibration error may grow even where it surely grew."""
_NEVER_WORSE: Final = frozenset({"safety", "customer_asked"})


def safety_intents(intents: Mapping[str, Definition]) -> list[str]:
    """The intents on which nothing may be lost: danger, and the wish for a person."""
    return sorted(name for name, one in intents.items() if one.do == "handoff" and one.reason in _NEVER_WORSE)


def verdict(comparison: Json, *, never_worse: Collection[str]) -> Json:
    """``{"accepted", "checks": [{"check", "ok", …}]}`` for what `server.learning.compare` found.

    Safety intents: not one message less is understood. Everything else: not worse beyond what chance explains.
    """
    differences = comparison["differences"]
    checks = [
        {"check": "safety", "intent": one["intent"], "base": one["base"], "candidate": one["candidate"],
         "of": one["examples"], "ok": one["candidate"] >= one["base"]}
        for one in comparison["intents"]
        if one["intent"] in never_worse
    ]  # fmt: skip
    accuracy = differences["intent_accuracy"]
    checks.append({"check": "accuracy", **accuracy, "ok": accuracy["p"] >= SIGNIFICANCE})
    for name, figure, better in (
        ("entities", "entity_f1", 1),
        ("coverage", "coverage_at_risk_bound", 1),
        ("error", "error_at_risk_bound", -1),
    ):
        found = differences[figure]
        # Surely worse: the whole interval lies on the bad side of no change.
        end = found["high"] if better > 0 else found["low"]
        checks.append({"check": name, **found, "ok": end is None or end * better >= 0})
    grown = differences["ece"]
    surely = grown["low"] is not None and grown["low"] > 0 and grown["difference"] > CALIBRATION_SLACK
    checks.append({"check": "calibration", **grown, "ok": not surely})
    checks.extend(
        {"check": "intent", "intent": one["intent"], "base": one["base"], "candidate": one["candidate"],
         "of": one["examples"], "ok": False}
        for one in _surely_worse(comparison["intents"])
        if one["intent"] not in never_worse
    )  # fmt: skip
    return {"accepted": all(one["ok"] for one in checks), "checks": checks}


def _surely_worse(intents: Collection[Json]) -> list[Json]:
    """Intents that lost more than chance explains; Holm's correction, because many are looked at."""
    found = []
    for at, one in enumerate(sorted(intents, key=lambda each: float(each["p"]))):
        if one["p"] >= SIGNIFICANCE / (len(intents) - at):
            break
        found.append(one)
    return found
