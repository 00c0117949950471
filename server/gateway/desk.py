"""The staff's socket, ``/ws/desk``."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import WebSocket

from server.gateway.conversations import DESK, Conversations, TakenError, topic
from server.gateway.frames import FrameError, action_id, id_field, int_field, text_field
from server.gateway.hub import Subscription
from server.gateway.modes import NotPossibleError
from server.gateway.presence import Presence
from server.gateway.socket import POLICY, CloseSocketError, origin_allowed, send, serve
from server.gateway.text import TextError, clean
from server.gateway.turns import TurnRunner
from server.storage.store import Staff, UnknownConversationError

Json = dict[str, Any]

BACKLOG = "_backlog"
OPENED = "_opened"
MAX_TAGS = 20
MAX_TAG_CHARACTERS = 40
MAX_OUTCOME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class DeskPorts:
    """What a desk's connection works with."""

    conversations: Conversations
    presence: Presence
    turns: TurnRunner


async def desk(socket: WebSocket, staff: Staff | None, ports: DeskPorts) -> None:
    """Serves one desk of a person who is logged in."""
    if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host"), ()):
        await socket.close(POLICY, "the desk is opened from its own page only")
        return
    await socket.accept()
    if staff is None:
        await socket.close(POLICY, "log in first")
        return
    ports.presence.arrive(staff.username)
    try:
        with ExitStack() as following:
            connection = _Connection(socket, staff, ports, following)
            await serve(socket, "desk", connection.queue, connection.write, connection.handle)
    finally:
        ports.presence.leave(staff.username)


class _Connection:
    """One desk: which conversations it has open and which events it has been sent."""

    def __init__(self, socket: WebSocket, staff: Staff, ports: DeskPorts, following: ExitStack) -> None:
        self.queue = Subscription()
        self._socket = socket
        self._staff = staff
        self._conversations = ports.conversations
        self._presence = ports.presence
        self._turns = ports.turns
        self._following = following
        self._greeted = False
        self._resume_from: int | None = None
        self._sent_event = 0
        self._open: dict[str, int] = {}
        self._handlers = {
            "presence": self._set_presence,
            "open": self._open_conversation,
            "leave": self._leave,
            "take": self._take,
            "release": self._release,
            "return": self._return,
            "close": self._close,
            "message": self._message,
            "note": self._note,
            "typing": self._typing,
            "read": self._read,
        }

    # ------------------------------------------------------------------ out

    async def write(self, frame: Json) -> None:
        """Sends what this desk follows: queue events always, messages of open conversations; each event once."""
        kind, event = frame["type"], frame.get("event")
        if kind == BACKLOG:
            await self._send_backlog(frame["after"], frame["until"])
        elif kind == OPENED:
            await self._send_opened(frame["conversation"], frame["until"])
        elif kind in {"message", "typing", "read"} and "conversation" in frame:
            seen = self._open.get(frame["conversation"])
            if seen is None or (event is not None and event <= seen):
                return
            if event is not None:
                self._open[frame["conversation"]] = event
            await send(self._socket, frame)
        elif event is None or kind in {"ack", "welcome"}:
            await send(self._socket, frame)
        elif event > self._sent_event:
            self._sent_event = event
            await send(self._socket, frame)

    async def _send_backlog(self, after: int, until: int) -> None:
        for frame in await self._conversations.store.desk_events(after=after, until=until):
            if frame["type"] != "message":
                self._sent_event = frame["event"]
                await send(self._socket, frame)
        self._sent_event = max(self._sent_event, until)

    async def _send_opened(self, conversation: str, until: int) -> None:
        if conversation not in self._open or self._resume_from is None:
            return
        for frame in await self._conversations.store.desk_events(
            after=max(self._resume_from, self._open[conversation]), until=until, conversation=conversation
        ):
            if frame["type"] == "message":
                self._open[conversation] = frame["event"]
                await send(self._socket, frame)

    # ------------------------------------------------------------------ in

    async def handle(self, frame: Json) -> None:
        """Serves one frame of the desk."""
        kind = frame["type"]
        if kind == "ping":
            self.queue.put({"type": "pong"})
        elif kind == "hello":
            await self._hello(frame)
        elif kind not in self._handlers:
            raise FrameError("bad_frame", "unknown type")
        elif not self._greeted:
            raise FrameError("bad_frame", "say hello first")
        else:
            await self._serve(kind, frame)

    async def _serve(self, kind: str, frame: Json) -> None:
        if await self._conversations.store.staff(self._staff.username) is None:
            raise CloseSocketError(POLICY, "this account does not exist any more")
        try:
            await self._handlers[kind](frame)
        except TakenError as error:
            by = await self._conversations.store.staff(error.by) if error.by else None
            self._refuse(frame, "taken", "somebody else has this conversation", by.name if by else error.by)
        except NotPossibleError as error:
            self._refuse(frame, "not_possible", f"the conversation is in mode '{error.mode}'", None)
        except UnknownConversationError:
            self._refuse(frame, "unknown_conversation", "there is no such conversation", None)
        except TextError as error:
            raise FrameError(error.code, "the text is empty or too long", action_id(frame)) from None

    async def _hello(self, frame: Json) -> None:
        last = int_field(frame, "last_event") if frame.get("last_event") is not None else None
        now = await self._conversations.store.last_event()
        queue = await self.summaries()
        self._following.close()
        self._greeted = True
        self._resume_from = last
        self._sent_event = now if last is None else min(last, now)
        self._following.enter_context(self._conversations.hub.follow(DESK, self.queue))
        self.queue.put({"type": "welcome", "agent": self._staff.username, "event": now, "queue": queue})
        if last is not None:
            # What is published while the backlog is read waits in the queue behind this marker.
            self.queue.put({"type": BACKLOG, "after": self._sent_event, "until": now})

    async def summaries(self) -> list[Json]:
        """The open escalations that this person may serve."""
        rows = await self._conversations.store.escalation_list(states=["waiting", "assigned"])
        return [
            {
                "conversation": escalation.conversation,
                "reason": escalation.reason,
                "priority": escalation.priority,
                "since": escalation.since,
                "language": escalation.language,
                "summary": escalation.summary,
                "mode": state.mode,
                "agent": state.agent,
            }
            for escalation, state in rows
        ]

    async def _set_presence(self, frame: Json) -> None:
        try:
            self._presence.set(self._staff.username, text_field(frame, "state"))
        except ValueError as error:
            raise FrameError("bad_frame", str(error)) from None

    async def _open_conversation(self, frame: Json) -> None:
        conversation = text_field(frame, "conversation")
        if await self._conversations.store.conversation(conversation) is None:
            raise UnknownConversationError(conversation)
        until = await self._conversations.store.last_event()
        self._open.setdefault(conversation, until if self._resume_from is None else 0)
        self.queue.put({"type": OPENED, "conversation": conversation, "until": until})

    async def _leave(self, frame: Json) -> None:
        self._open.pop(text_field(frame, "conversation"), None)

    async def _take(self, frame: Json) -> None:
        name = self._staff.name
        self._ack(frame, await self._conversations.take(*_target(frame), self._staff.username, name))

    async def _release(self, frame: Json) -> None:
        self._ack(frame, await self._conversations.release(*_target(frame), self._staff.username))

    async def _return(self, frame: Json) -> None:
        conversation, client_id = _target(frame)
        self._ack(frame, await self._conversations.hand_back(conversation, client_id, self._staff.username))
        self._turns.wake(conversation)

    async def _close(self, frame: Json) -> None:
        outcome = text_field(frame, "outcome", default="")[:MAX_OUTCOME_CHARACTERS]
        tags = frame.get("tags") or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise FrameError("bad_frame", "field 'tags' must be a list of strings", action_id(frame))
        kept = [tag[:MAX_TAG_CHARACTERS] for tag in tags[:MAX_TAGS]]
        conversation, client_id = _target(frame)
        self._ack(
            frame,
            await self._conversations.close(conversation, client_id, self._staff.username, outcome=outcome, tags=kept),
        )

    async def _message(self, frame: Json) -> None:
        conversation, client_id = _target(frame)
        text = clean(text_field(frame, "text"))
        event = await self._conversations.agent_says(
            conversation, client_id, self._staff.username, self._staff.name, text
        )
        self._ack(frame, event)

    async def _note(self, frame: Json) -> None:
        conversation, client_id = _target(frame)
        text = clean(text_field(frame, "text"))
        self._ack(frame, await self._conversations.note(conversation, client_id, self._staff.name, text))

    async def _typing(self, frame: Json) -> None:
        conversation = text_field(frame, "conversation")
        state = await self._conversations.store.conversation(conversation)
        if state is not None and state.agent == self._staff.username:
            self._conversations.hub.publish(
                topic(conversation), {"type": "typing", "on": frame.get("on") is True, "role": "agent"}
            )

    async def _read(self, frame: Json) -> None:
        await self._conversations.read_by_agent(text_field(frame, "conversation"), int_field(frame, "seq"))

    def _ack(self, frame: Json, event: int) -> None:
        self.queue.put({"type": "ack", "id": frame["id"], "event": event})

    def _refuse(self, frame: Json, code: str, message: str, by: str | None) -> None:
        refused: Json = {"type": "refused", "id": frame.get("id"), "code": code, "message": message}
        if by:
            refused["by"] = by
        self.queue.put(refused)


def _target(frame: Json) -> tuple[str, str]:
    return text_field(frame, "conversation"), id_field(frame)
