"""The Rasa SDK actions: each reads the tracker, asks the dialogue core, and turns its outcome into events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ConversationPaused, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import messages as m
from actions.dialogue import respond
from actions.ports import Ports, Retrieval
from actions.retrieval import LibraryNeededError, SearchClient
from actions.state import State
from actions.turn import Decision, Turn, parse_of, read_turn
from server import traces
from server.logs import about
from server.outages import Present
from server.texts import catalogue

log = logging.getLogger(__name__)

Events = list[dict[str, Any]]


class DialogueAction(Action):  # type: ignore[misc]  # rasa_sdk has no types
    """One entry of the dialogue; the subclasses only carry the name that Rasa's rules lead to."""

    decision: ClassVar[Decision]

    def __init__(self, ports: Callable[[], Ports], clock: Callable[[], datetime]) -> None:
        self._ports = ports
        self._clock = clock

    def name(self) -> str:
        """The name in Rasa's domain."""
        return f"action_{self.decision}"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> Events:
        """Answer the latest message. Whatever fails in here ends in a message and a person, never in silence."""
        turn = read_turn(self.decision, tracker.latest_message, conversation=tracker.sender_id, now=self._clock())
        with about(conversation=turn.conversation, turn=turn.number):
            return await self._answer(turn, dispatcher, tracker)

    async def _answer(self, turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker) -> Events:
        state = State.from_json(tracker.slots.get("dialogue"))
        diagnosed = tracker.slots.get("diagnosis")
        parse = parse_of(tracker.latest_message)
        try:
            ports = replace(
                self._ports(), outages=Present.read(parse.get("outages")), manner=str(parse.get("manner") or "")
            )
            if ports.graphs is not None:
                await ports.graphs.take(parse.get("graphs") or {})
                solved = (state.solved or {}).get("diagnosis")
                if missing := ports.graphs.missing(parse, diagnosed, solved):
                    # Nothing was done yet: the gateway sends the turn again, with the graphs.
                    dispatcher.utter_message(json_message={"need": {"graphs": missing}})
                    return []
                ports = replace(ports, graphs=ports.graphs.serving(parse.get("graph")))
            ports = replace(ports, retrieval=_searching(ports.retrieval, parse_of(tracker.latest_message)))
            with traces.span(f"action {self.decision}", parent=str(parse.get("trace") or "")):
                outcome = await respond(turn, state, ports, diagnosed)
        except LibraryNeededError as needed:
            # Nothing was said yet, and what was written is keyed by the turn: it is run again, with the articles.
            dispatcher.utter_message(json_message={"need": {"articles": [needed.digest]}})
            return []
        except Exception as error:
            # The message may hold what the customer wrote: where it happened is enough to find the mistake.
            log.error("conversation %s turn %d: %s at %s", turn.conversation, turn.number, *_place(error))
            return _failed(dispatcher, turn, state)
        for message in outcome.messages:
            dispatcher.utter_message(json_message=message)
        events = [
            SlotSet("dialogue", outcome.state.to_json()),
            SlotSet("awaiting", outcome.state.awaiting),
            SlotSet("diagnosis", outcome.diagnosis),
        ]
        return [*events, ConversationPaused()] if outcome.paused else events


class ActionSay(DialogueAction):
    """Sends a company's fixed text."""

    decision = "say"


class ActionAnswer(DialogueAction):
    """Answers from the help articles."""

    decision = "answer"


class ActionSkill(DialogueAction):
    """Does account work or steers the conversation."""

    decision = "skill"


class ActionDiagnose(DialogueAction):
    """Helps with a fault."""

    decision = "diagnose"


class ActionHandoff(DialogueAction):
    """Brings in a person at once."""

    decision = "handoff"


class ActionContinue(DialogueAction):
    """Takes the answer to an open question, or what was said instead of one."""

    decision = "continue"


class ActionFallback(DialogueAction):
    """Deals with a message that was not understood, or whose intent Rasa does not know yet."""

    decision = "fallback"


ACTIONS: tuple[type[DialogueAction], ...] = (
    ActionSay, ActionAnswer, ActionSkill, ActionDiagnose, ActionHandoff, ActionContinue, ActionFallback,
)  # fmt: skip


def _searching(retrieval: Retrieval, parse: Mapping[str, Any]) -> Retrieval:
    """The search in the articles that the turn is for; they may have come along."""
    if not isinstance(retrieval, SearchClient):
        return retrieval
    digest, sent = parse.get("articles"), parse.get("library")
    return retrieval.serving(digest if isinstance(digest, str) else None, sent if isinstance(sent, Mapping) else None)


def _failed(dispatcher: CollectingDispatcher, turn: Turn, state: State) -> Events:
    message = m.message("escalate.system_failure")
    suggestion = catalogue(turn.locale)["suggest.system_failure"]
    message["escalate"] = {"reason": "system_failure", "suggestion": suggestion, "context": {}}
    dispatcher.utter_message(json_message=message)
    after = state.after_handback()
    return [
        SlotSet("dialogue", after.to_json()),
        SlotSet("awaiting", False),
        SlotSet("diagnosis", None),
        ConversationPaused(),
    ]


def _place(error: BaseException) -> tuple[str, str]:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "unknown" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    return type(error).__name__, where
