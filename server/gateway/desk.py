"""The staff's socket, ``/ws/desk``."""

import itertools
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import WebSocket

from server.gateway.casework import Answer, Casework, RefusedError
from server.gateway.conversations import DESK, topic
from server.gateway.frames import FrameError, action_id, id_field, int_field, text_field
from server.gateway.hub import Subscription
from server.gateway.modes import NotPossibleError
from server.gateway.socket import POLICY, CloseSocketError, origin_allowed, send, serve
from server.gateway.text import MAX_MESSAGE_CHARACTERS, TextError, clean
from server.gateway.turns import TurnRunner
from server.gateway.uploads import Uploads
from server.storage.audit import Audit
from server.storage.desk import Filter
from server.storage.store import Staff, UnknownConversationError

Json = dict[str, Any]

BACKLOG = "_backlog"
OPENED = "_opened"
MAX_TAGS = 20
MAX_TAG_CHARACTERS = 40
MAX_OUTCOME_CHARACTERS = 100
MAX_COMMENT_CHARACTERS = 1000
MAX_QUEUE = 200
ACCOUNT_CHECKED_FOR_S = 2.0
IN_OPEN_ONES = frozenset({"message", "typing", "read", "delivered", "draft"})
"""Frames that only desks with the conversation open get."""


@cache
def _windows() -> Iterator[int]:
    """Numbers that no window of another gateway has; begun by the process that serves, not by what it is a copy of."""
    return itertools.count(secrets.randbits(32) << 20)


@dataclass(frozen=True, slots=True)
class DeskPorts:
    """What a desk's connection works with."""

    casework: Casework
    turns: TurnRunner
    uploads: Uploads
    audit: Audit


async def desk(socket: WebSocket, staff: Staff | None, ports: DeskPorts) -> None:
    """Serves one desk of a person who is logged in."""
    if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host"), ()):
        await socket.close(POLICY, "the desk is opened from its own page only")
        return
    await socket.accept()
    if staff is None:
        await socket.close(POLICY, "log in first")
        return
    conversations = ports.casework.conversations
    with ExitStack() as following:
        connection = _Connection(socket, staff, ports, following)
        try:
            await serve(socket, "desk", connection.queue, connection.write, connection.handle)
        finally:
            connection.close()
            conversations.changed.set()


class _Connection:
    """One desk: which conversations it has open and which events it has been sent."""

    def __init__(self, socket: WebSocket, staff: Staff, ports: DeskPorts, following: ExitStack) -> None:
        self.queue = Subscription()
        self._window = next(_windows())
        self._socket = socket
        self._staff = staff
        self._casework = ports.casework
        self._conversations = ports.casework.conversations
        self._store = self._conversations.store
        self._floor = self._conversations.floor
        self._presence = self._conversations.presence
        self._turns = ports.turns
        self._uploads = ports.uploads
        self._audit = ports.audit
        self._following = following
        self._greeted = False
        self._checked_until = 0.0
        self._resume_from: int | None = None
        self._sent_event = 0
        self._open: dict[str, int | None] = {}
        """The last event sent of each open conversation; None until what was missed is read."""
        self._handlers = {
            "presence": self._set_presence,
            "open": self._open_conversation,
            "leave": self._leave,
            "take": self._take,
            "release": self._release,
            "transfer": self._transfer,
            "return": self._return,
            "snooze": self._snooze,
            "wake": self._wake,
            "close": self._close,
            "reopen": self._reopen,
            "message": self._message,
            "note": self._note,
            "mark": self._mark,
            "draft": self._draft,
            "typing": self._typing,
            "read": self._read,
        }

    def close(self) -> None:
        """The window is gone: so are its drafts and, with the last one, the person's presence."""
        for conversation in self._casework.drafts.close(self._window):
            self._tell_draft(conversation, "")
        if self._greeted:
            self._presence.leave(self._staff.username)

    # ------------------------------------------------------------------ out

    async def write(self, frame: Json) -> None:
        """Sends what this desk follows: queue events always, messages of open conversations; each event once."""
        kind, event = frame["type"], frame.get("event")
        if kind == BACKLOG:
            await self._send_backlog()
        elif kind == OPENED:
            await self._send_opened(frame["conversation"], frame["after"], frame["last_seq"])
        elif kind in IN_OPEN_ONES and "conversation" in frame:
            await self._send_in_open(frame, event)
        elif event is None or kind in {"ack", "welcome"}:
            await send(self._socket, frame)
        elif event > self._sent_event:
            self._sent_event = event
            if self._concerns_me(frame):
                await send(self._socket, frame)

    async def _send_in_open(self, frame: Json, event: int | None) -> None:
        conversation = frame["conversation"]
        if conversation not in self._open or frame.get("_window") == self._window:
            return
        if event is not None:
            seen = self._open[conversation]
            if seen is None or event <= seen:  # read with what was missed, or sent with it
                return
            self._open[conversation] = event
        await send(self._socket, {key: value for key, value in frame.items() if key != "_window"})

    async def _send_backlog(self) -> None:
        for frame in await self._store.desk_events(after=self._sent_event):
            self._sent_event = frame["event"]
            if frame["type"] != "message" and self._concerns_me(frame):
                await send(self._socket, frame)

    async def _send_opened(self, conversation: str, after: int, last_seq: int) -> None:
        """What is being written in a conversation that was opened, and its messages that this desk has not got."""
        draft = self._casework.drafts.get(conversation)
        if draft is not None and draft.window != self._window:
            shown = {"agent": draft.agent, "name": draft.name, "text": draft.text}
            await send(self._socket, {"type": "draft", "conversation": conversation, **shown})
        if conversation not in self._open or self._open[conversation] is not None:
            return
        # Whatever is published from here on stands in the queue behind this, or is among what is read.
        for frame in await self._store.desk_events(after=after, conversation=conversation):
            after = frame["event"]
            if frame["type"] == "message" and frame["seq"] > last_seq:
                await send(self._socket, frame)
        if conversation in self._open:  # it may have been left meanwhile
            self._open[conversation] = after

    def _concerns_me(self, frame: Json) -> bool:
        """Whether this person may know of it: all who lead, their own, their teams' and nobody's."""
        me = self._staff
        if me.leads or not me.teams or frame["conversation"] in self._open:
            return True
        named = {frame.get("agent"), frame.get("from"), (frame.get("to") or {}).get("agent")}
        if me.username in named:
            return True
        return frame.get("team") in {None, *me.teams} or frame.get("from_team") in me.teams

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
        await self._check_account()
        try:
            if kind not in {"presence", "leave"}:
                await self._check_rights(text_field(frame, "conversation"))
            await self._handlers[kind](frame)
        except RefusedError as error:
            self._refuse(frame, error.code, error.detail, error.by)
        except NotPossibleError as error:
            self._refuse(frame, "not_possible", f"the conversation is in mode '{error.mode}'", None)
        except UnknownConversationError:
            self._refuse(frame, "unknown_conversation", "there is no such conversation", None)
        except TextError as error:
            raise FrameError(error.code, "the text is empty or too long", action_id(frame)) from None

    async def _check_account(self) -> None:
        """Who has been disabled, or put elsewhere, while the desk is open notices within moments."""
        if time.monotonic() < self._checked_until:
            return
        account = await self._store.staff(self._staff.username)
        if account is None or not account.active:
            raise CloseSocketError(POLICY, "this account does not exist any more")
        self._staff = account
        self._checked_until = time.monotonic() + ACCOUNT_CHECKED_FOR_S

    async def _check_rights(self, conversation: str) -> None:
        if await self._floor.reads.may_see(self._staff, conversation):
            return
        if await self._store.conversation(conversation) is None:
            raise UnknownConversationError(conversation)
        raise RefusedError("forbidden", "this conversation belongs to another team")

    async def _hello(self, frame: Json) -> None:
        last = int_field(frame, "last_event") if frame.get("last_event") is not None else None
        presence = text_field(frame, "presence", default="")
        now = await self._store.last_event()
        if not self._greeted:
            self._presence.arrive(self._staff.username)
            self._greeted = True
        if presence:
            self._say_presence(presence)
        self._conversations.changed.set()
        queue = await self._floor.rows(await self._floor.reads.page(self._staff, Filter("all"), limit=MAX_QUEUE))
        agents = await self._floor.colleague_list()
        self._following.close()
        self._resume_from = last
        self._sent_event = now if last is None else min(last, now)
        self._following.enter_context(self._conversations.hub.follow(DESK, self.queue))
        me = {"agent": self._staff.username, "name": self._staff.name, "role": self._staff.role}
        self.queue.put({"type": "welcome", **me, "event": now, "queue": queue, "agents": agents})
        # Nothing is awaited since this desk follows the stream: what was stored before is read when this marker's turn
        # comes, and what was published by then and stands in the queue behind it is not sent twice.
        self.queue.put({"type": BACKLOG})

    def _say_presence(self, state: str) -> None:
        try:
            if self._presence.set(self._staff.username, state):
                self._conversations.changed.set()
        except ValueError as error:
            raise FrameError("bad_frame", str(error)) from None

    async def _set_presence(self, frame: Json) -> None:
        self._say_presence(text_field(frame, "state"))

    async def _open_conversation(self, frame: Json) -> None:
        conversation = text_field(frame, "conversation")
        state = await self._store.conversation(conversation)
        if state is None:
            raise UnknownConversationError(conversation)
        await self._audit.opened(self._staff.username, conversation, state.account or state.customer)
        after, last_seq = self._resume_from, 0
        if frame.get("last_seq") is not None:
            # A desk that was cut off twice in a row: its last event may be later than what it got of this one.
            after, last_seq = 0, int_field(frame, "last_seq")
        elif after is None:
            after = await self._store.last_event()
        self._open.setdefault(conversation, None)
        self.queue.put({"type": OPENED, "conversation": conversation, "after": after, "last_seq": last_seq})

    async def _leave(self, frame: Json) -> None:
        self._open.pop(text_field(frame, "conversation"), None)

    async def _take(self, frame: Json) -> None:
        over = frame.get("over") is True
        self._ack(frame, await self._casework.take(*_target(frame), self._staff, over=over))

    async def _release(self, frame: Json) -> None:
        self._ack(frame, await self._casework.release(*_target(frame), self._staff))

    async def _transfer(self, frame: Json) -> None:
        to = frame.get("to")
        if not isinstance(to, dict):
            raise FrameError("bad_frame", "field 'to' is {agent} or {team}", action_id(frame))
        note = text_field(frame, "note", default="")
        event = await self._casework.transfer(
            *_target(frame),
            self._staff,
            agent=text_field(to, "agent", default="") or None,
            team=text_field(to, "team", default="") or None,
            note=clean(note) if note.strip() else "",
        )
        self._ack(frame, event)

    async def _return(self, frame: Json) -> None:
        conversation, client_id = _target(frame)
        to = text_field(frame, "to", default="") or None
        self._ack(frame, await self._casework.hand_back(conversation, client_id, self._staff, to))
        self._turns.wake(conversation)

    async def _snooze(self, frame: Json) -> None:
        try:
            until = datetime.fromisoformat(text_field(frame, "until"))
        except ValueError:
            raise FrameError("bad_frame", "field 'until' is a time, ISO 8601", action_id(frame)) from None
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        self._ack(frame, await self._casework.snooze(*_target(frame), self._staff, aware))

    async def _wake(self, frame: Json) -> None:
        self._ack(frame, await self._casework.wake(*_target(frame), self._staff))

    async def _close(self, frame: Json) -> None:
        outcome = text_field(frame, "outcome", default="")[:MAX_OUTCOME_CHARACTERS]
        tags = frame.get("tags") or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise FrameError("bad_frame", "field 'tags' must be a list of strings", action_id(frame))
        kept = [tag.strip()[:MAX_TAG_CHARACTERS] for tag in tags[:MAX_TAGS] if tag.strip()]
        self._ack(frame, await self._casework.close(*_target(frame), self._staff, outcome=outcome, tags=kept))

    async def _reopen(self, frame: Json) -> None:
        self._ack(frame, await self._casework.reopen(*_target(frame), self._staff))

    async def _message(self, frame: Json) -> None:
        conversation, client_id = _target(frame)
        image = None
        if frame.get("image") is not None:
            image = await self._uploads.of(conversation, text_field(frame, "image"))
            if image is None:
                raise RefusedError("not_available", "this picture was not uploaded to this conversation")
        text = text_field(frame, "text", default="" if image else None)
        answer = Answer(
            text=clean(text) if text.strip() or not image else "",
            image=image,
            seen=int_field(frame, "seen") if frame.get("seen") is not None else None,
            force=frame.get("force") is True,
        )
        event, seq = await self._casework.say(conversation, client_id, self._staff, answer, self._window)
        self._ack(frame, event, seq=seq)

    async def _note(self, frame: Json) -> None:
        text = clean(text_field(frame, "text"))
        self._ack(frame, await self._casework.note(*_target(frame), self._staff, text))

    async def _mark(self, frame: Json) -> None:
        comment = text_field(frame, "comment", default="")[:MAX_COMMENT_CHARACTERS]
        event = await self._casework.mark(
            *_target(frame),
            self._staff,
            seq=int_field(frame, "seq"),
            intent=text_field(frame, "intent", default="") or None,
            comment=clean(comment) if comment.strip() else "",
        )
        self._ack(frame, event)

    async def _draft(self, frame: Json) -> None:
        conversation, text = text_field(frame, "conversation"), text_field(frame, "text", default="")
        state = await self._store.conversation(conversation)
        if state is None or (state.mode == "human" and state.agent != self._staff.username):
            return  # what others write here is no answer that could be sent
        if len(text) > MAX_MESSAGE_CHARACTERS or self._casework.drafts.locked_by(conversation, self._window):
            return
        self._casework.drafts.write(conversation, self._staff.username, self._staff.name, self._window, text)
        self._tell_draft(conversation, text)

    def _tell_draft(self, conversation: str, text: str) -> None:
        by = {"agent": self._staff.username, "name": self._staff.name}
        frame = {"type": "draft", "conversation": conversation, **by, "text": text, "_window": self._window}
        self._conversations.hub.publish(DESK, frame)

    async def _typing(self, frame: Json) -> None:
        conversation, on = text_field(frame, "conversation"), frame.get("on") is True
        state = await self._store.conversation(conversation)
        if state is None:
            return
        name = self._staff.name
        if state.mode == "human" and state.agent == self._staff.username:
            typing = {"type": "typing", "on": on, "role": "agent", "name": name}
            self._conversations.hub.publish(topic(conversation), typing)
        by = {"role": "agent", "agent": self._staff.username, "name": name, "_window": self._window}
        self._conversations.hub.publish(DESK, {"type": "typing", "conversation": conversation, "on": on, **by})

    async def _read(self, frame: Json) -> None:
        await self._casework.read(text_field(frame, "conversation"), int_field(frame, "seq"))

    def _ack(self, frame: Json, event: int, **more: int) -> None:
        target = {"id": frame["id"], "conversation": frame["conversation"]}
        self.queue.put({"type": "ack", **target, "event": event, **more})

    def _refuse(self, frame: Json, code: str, message: str, by: str | None) -> None:
        refused: Json = {"type": "refused", "id": frame.get("id"), "code": code, "message": message}
        refused["conversation"] = frame.get("conversation")
        if by:
            refused["by"] = by
        self.queue.put(refused)


def _target(frame: Json) -> tuple[str, str]:
    return text_field(frame, "conversation"), id_field(frame)
