"""The channel between the gateway and Rasa: one request is one turn, answered with a JSON line for each thing done.

A request carries all that the turn depends on (parse, slots, the last few turns), so a turn costs the same at any
length of a conversation, any worker can run it, and a worker that dies has nothing to lose. It drives the processor's
own steps (Rasa 3.6.21, the last release) because its public loop swallows an action server that is down.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from rasa.core.actions.action import ACTION_LISTEN_NAME, Action, RemoteAction
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.core.processor import MessageProcessor
from rasa.shared.core.events import ActionExecuted, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from kefu_bot.remote_action import SlimRemoteAction
from kefu_bot.understanding import DYNAMIC_INTENT

logger = logging.getLogger(__name__)

CHANNEL = "kefu"
ACTION_DEADLINE_S = 8.0
MAX_ACTIONS = 10
MAX_HISTORY_TURNS = 5

Emit = Callable[[dict[str, Any]], Awaitable[None]]


class TurnError(Exception):
    """A turn that cannot go on.

    ``code`` says why: ``action_failed``, ``no_model``, ``bad_turn``, ``loop`` or ``other_release``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _LineOutput(OutputChannel):
    """Sends every bot message of the actions as a line."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    @classmethod
    def name(cls) -> str:
        return CHANNEL

    async def send_text_message(self, recipient_id: str, text: str, **kwargs: Any) -> None:
        await self._emit({"type": "bot", "text": {"zh": text, "en": text}})

    async def send_custom_json(self, recipient_id: str, json_message: dict[str, Any], **kwargs: Any) -> None:
        await self._emit({**json_message, "type": "bot"})


def rebuild_tracker(turn: dict[str, Any], processor: MessageProcessor) -> DialogueStateTracker:
    """The tracker as it stood before the turn: the slots and the last turns that the gateway sent."""
    domain = processor.domain
    tracker = DialogueStateTracker(turn["conversation"], domain.slots)
    events: list[Event] = [ActionExecuted(ACTION_LISTEN_NAME)]
    for past in (turn.get("history") or [])[-MAX_HISTORY_TURNS:]:
        events.append(UserUttered(text="", intent={"name": past.get("intent"), "confidence": 1.0}))
        events.extend(ActionExecuted(name) for name in past.get("actions", []) if name in domain.action_names_or_texts)
        events.append(ActionExecuted(ACTION_LISTEN_NAME))
    known = {slot.name for slot in domain.slots}
    events.extend(SlotSet(name, value) for name, value in (turn.get("slots") or {}).items() if name in known)
    tracker.update_with_events(events, domain)
    return tracker


def adapt_parse(parse: dict[str, Any], known_intents: list[str]) -> dict[str, Any]:
    """The parse as the trained domain can take it: an intent it does not know arrives as ``dynamic``."""
    name = parse["intent"]["name"]
    if name is None or name in known_intents:
        return parse
    ranking = [{**item, "name": DYNAMIC_INTENT} if item["name"] == name else item for item in parse["intent_ranking"]]
    return {**parse, "intent": {**parse["intent"], "name": DYNAMIC_INTENT}, "intent_ranking": ranking, "dynamic": name}


async def run_turn(turn: dict[str, Any], processor: MessageProcessor, emit: Emit) -> None:
    """Runs one turn and emits what happens; raises :class:`TurnError` where it cannot be finished."""
    started = time.perf_counter()
    output = _LineOutput(emit)
    tracker = rebuild_tracker(turn, processor)
    metadata = {
        "conversation": turn["conversation"],
        "turn": turn["turn"],
        "locale": turn.get("locale"),
        "parse": adapt_parse(turn["parse"], processor.domain.intents),
    }
    message = UserMessage(
        turn["text"],
        output,
        turn["conversation"],
        input_channel=CHANNEL,
        message_id=str(turn["turn"]),
        metadata=metadata,
    )
    await processor._handle_message_with_tracker(message, tracker)
    intent = tracker.latest_message.intent
    await emit({"type": "parse", "intent": intent.get("name"), "confidence": intent.get("confidence")})
    for _ in range(MAX_ACTIONS):
        if tracker.is_paused():
            break
        if await _step(processor, tracker, output, emit) == ACTION_LISTEN_NAME:
            break
    else:
        raise TurnError("loop", f"{MAX_ACTIONS} actions without coming to rest")
    await emit(
        {
            "type": "end",
            "slots": tracker.current_slot_values(),
            "paused": tracker.is_paused(),
            "ms": round((time.perf_counter() - started) * 1000, 1),
        }
    )


async def _step(processor: MessageProcessor, tracker: DialogueStateTracker, output: OutputChannel, emit: Emit) -> str:
    """Predicts and runs one action; returns its name."""
    started = time.perf_counter()
    action, prediction = processor.predict_next_with_tracker_if_should(tracker)
    if isinstance(action, RemoteAction):
        action = SlimRemoteAction(action.name(), action.action_endpoint)
    events = await _run(action, tracker, output, processor)
    processor._log_action_on_tracker(tracker, action, events, prediction)
    await emit(
        {
            "type": "decision",
            "action": action.name(),
            "policy": prediction.policy_name,
            "confidence": round(float(prediction.max_confidence), 4),
            "ms": round((time.perf_counter() - started) * 1000, 1),
        }
    )
    await processor.execute_side_effects(events, tracker, output)
    return action.name()


async def _run(
    action: Action, tracker: DialogueStateTracker, output: OutputChannel, processor: MessageProcessor
) -> list[Event]:
    try:
        return await asyncio.wait_for(action.run(output, processor.nlg, tracker, processor.domain), ACTION_DEADLINE_S)
    except asyncio.TimeoutError as error:
        raise TurnError("action_failed", f"{action.name()} took more than {ACTION_DEADLINE_S:.0f} s") from error
    except Exception as error:  # whatever an action or its server does must end in a message, never in silence
        logger.error("action %s failed: %s", action.name(), type(error).__name__)
        raise TurnError("action_failed", f"{action.name()}: {type(error).__name__}") from error


def check_turn(turn: Any) -> dict[str, Any]:
    """The turn, if it has what a turn needs; raises :class:`TurnError` naming the field that is wrong."""
    if not isinstance(turn, dict):
        raise TurnError("bad_turn", "a turn is a JSON object")
    for field, kind in (("conversation", str), ("turn", int), ("text", str), ("parse", dict)):
        if not isinstance(turn.get(field), kind):
            raise TurnError("bad_turn", f"field '{field}' must be of type {kind.__name__}")
    return turn


@lru_cache(maxsize=4)
def release_of(model: Path) -> str:
    """The release that a model file belongs to, from ``release.json`` beside it; empty for a model of no release."""
    try:
        return str(json.loads((model.parent / "release.json").read_text("utf-8"))["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def check_release(turn: dict[str, Any], own: str) -> None:
    """Refuses a turn whose message was understood by another release than this worker's."""
    asked = turn.get("release") or own
    if own and asked != own:
        raise TurnError("other_release", f"this worker runs {own}, the turn is of {asked}")


class TurnChannel(InputChannel):
    """``POST /webhooks/kefu/turn`` and ``GET /webhooks/kefu/health``."""

    @classmethod
    def name(cls) -> str:
        """The channel's part of the address."""
        return CHANNEL

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> TurnChannel:
        """Creates the channel; it has no credentials, it listens on loopback only."""
        return cls()

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The two routes."""
        webhook = Blueprint("kefu_turn", "kefu_turn")

        @webhook.route("/health", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            processor = _processor(request.app)
            if processor is None:
                return response.json({"status": "loading"}, status=503)
            return response.json({"status": "ready", "release": release_of(processor.model_path)})

        @webhook.route("/turn", methods=["POST"])
        async def turn(request: Request) -> Any:
            async def stream(writer: Any) -> None:
                async def emit(line: dict[str, Any]) -> None:
                    await writer.write(json.dumps(line, ensure_ascii=False) + "\n")

                try:
                    processor = _processor(request.app)
                    if processor is None:
                        raise TurnError("no_model", "no model is loaded")
                    asked = check_turn(request.json)
                    check_release(asked, release_of(processor.model_path))
                    await run_turn(asked, processor, emit)
                except TurnError as error:
                    await emit({"type": "error", "code": error.code, "message": str(error)})
                except Exception as error:
                    logger.exception("turn failed")
                    await emit({"type": "error", "code": "internal", "message": type(error).__name__})

            return response.stream(stream, content_type="application/x-ndjson")

        return webhook


def _processor(app: Sanic) -> MessageProcessor | None:
    agent = getattr(app.ctx, "agent", None)
    return agent.processor if agent and agent.is_ready() else None
