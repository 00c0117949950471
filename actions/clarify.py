"""What happens when a message was not understood: an article that surely fits, one clarifying question, a person."""

from __future__ import annotations

from collections.abc import Sequence

from actions import answers, reading
from actions import messages as m
from actions.context import Context, EscalationError
from actions.state import Expect

CANDIDATES = 3
CANDIDATE_FLOOR = 0.05
"""Intents below this probability are not offered: a button nobody means is noise."""
CORRECTED_FLOOR, CORRECTED_SHARE = 0.0002, 0.6
"""What a correction ("no, I mean roaming") most likely asks for is offered from this probability on, where it has this
share of what the intents have that ask for something."""

OOS_LIKELY = 0.5
FAILURES_BEFORE_A_PERSON = 2

_NOT_OFFERED = frozenset(
    [
        "greet",
        "goodbye",
        "thanks",
        "affirm",
        "deny",
        "unsure",
        "cancel",
        "repeat",
        "correct",
        "inform",
        "start_over",
        "capabilities",
    ]
)
"""Skills that answer the bot; as an offer ("did you mean: yes?") they would make no sense."""


async def clarify(c: Context) -> None:
    """Deal with a message that was not understood.

    Raises:
        EscalationError: It is the second one in a row.
    """
    if await answers.offer_article(c):
        c.state.clarify = 0
        return
    c.state.clarify += 1
    out_of_scope = c.turn.oos >= OOS_LIKELY
    if c.state.clarify >= FAILURES_BEFORE_A_PERSON:
        reason = "out_of_scope" if out_of_scope else "low_confidence"
        raise EscalationError(reason, f"escalate.{reason}")
    names = [] if out_of_scope else _candidates(c)
    if not names:
        c.say("clarify.out_of_scope" if out_of_scope else "clarify.rephrase", choices=[*c.suggestions()])
        c.offered = Expect("clarify")
        return
    offer_candidates(c, names)


def offer_candidates(c: Context, names: Sequence[str]) -> None:
    """Ask which of some intents is meant."""
    definitions = [c.ports.intents[name] for name in names]
    none = m.choice(m.press("inform", choice="none"), "choice.none_of_these")
    c.say("clarify.candidates", choices=[*(c.button(one) for one in definitions), none])
    entities = [{"kind": one.kind, "value": one.value, "raw": one.raw} for one in c.turn.entities]
    c.offered = Expect(
        "clarify",
        options=[{"value": one.name, "words": list(one.label.values())} for one in definitions],
        # What was said is kept: whoever then presses "Where is my order?" has named the order already.
        data={"text": c.turn.text, "entities": entities},
    )


def corrected_to(c: Context, task: str | None) -> list[str]:
    """The intents that a correction may ask for in place of a task; empty where it is about a detail of it."""
    if c.turn.chosen or reading.means_number(c.turn) or reading.phone_number(c.turn) is not None:
        return []
    asked = [one for one in c.turn.ranking if _may_be_offered(c, one.name)]
    if not asked or asked[0].confidence < max(CORRECTED_FLOOR, CORRECTED_SHARE * sum(one.confidence for one in asked)):
        return []
    first = c.ports.intents[asked[0].name]
    return [] if task is not None and first.skill == task else [one.name for one in asked[:CANDIDATES]]


def offer_person(c: Context, reason: str, key: str = "clarify.person") -> None:
    """Offer a person instead of guessing on."""
    yes = m.choice(m.press("affirm", question="person"), "choice.person")
    no = m.choice(m.press("deny", question="person"), "choice.rephrase")
    c.say(key, choices=[yes, no])
    c.offered = Expect("person", token="person", data={"reason": reason})  # noqa: S106 (names a question)


def _candidates(c: Context) -> list[str]:
    names = [one.name for one in c.turn.ranking if one.confidence >= CANDIDATE_FLOOR and _may_be_offered(c, one.name)]
    return names[:CANDIDATES]


def _may_be_offered(c: Context, name: str) -> bool:
    definition = c.ports.intents.get(name)
    return definition is not None and definition.do != "say" and definition.skill not in _NOT_OFFERED
