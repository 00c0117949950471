"""What happens when a message was not understood: an article that surely fits, one clarifying question, a person."""

from __future__ import annotations

from actions import answers
from actions import messages as m
from actions.context import Context, EscalationError
from actions.state import Expect

CANDIDATES = 3
CANDIDATE_FLOOR = 0.05
"""Intents below this probability are not offered: a button nobody means is noise."""

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


def offer_person(c: Context, reason: str) -> None:
    """Offer a person instead of guessing on."""
    yes = m.choice(m.press("affirm", question="person"), "choice.person")
    no = m.choice(m.press("deny", question="person"), "choice.rephrase")
    c.say("clarify.person", choices=[yes, no])
    c.offered = Expect("person", token="person", data={"reason": reason})  # noqa: S106 (names a question)


def _candidates(c: Context) -> list[str]:
    names = []
    for candidate in c.turn.ranking:
        definition = c.ports.intents.get(candidate.name)
        if definition is None or candidate.confidence < CANDIDATE_FLOOR or definition.do == "say":
            continue
        if definition.skill not in _NOT_OFFERED:
            names.append(candidate.name)
    return names[:CANDIDATES]
