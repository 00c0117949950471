"""The customers' socket, ``/ws/chat``."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import WebSocket

from server.company import Company
from server.gateway import voice_record
from server.gateway.contact import read_contact
from server.gateway.conversations import DESK, ClosedError, Conversations, topic
from server.gateway.frames import FrameError, action_id, id_field, int_field, text_field
from server.gateway.hub import Subscription
from server.gateway.limits import RateLimiter, SharedLimiter
from server.gateway.metrics import MESSAGES_PUT_OFF
from server.gateway.socket import POLICY, CloseSocketError, origin_allowed, send, send_binary, serve
from server.gateway.text import TextError, clean
from server.gateway.tokens import Tokens
from server.gateway.turns import TurnRunner
from server.gateway.uploads import Uploads
from server.gateway.voice import Voice, VoicePorts
from server.gateway.voice_speaker import PCM
from server.storage.store import Conversation

Json = dict[str, Any]

BACKLOG = "_backlog"
SCORES = range(-1, 6)
MAX_COMMENT_CHARACTERS = 1000
PUT_OFF_S = 5
"""About what the turns that wait take."""


@dataclass(frozen=True, slots=True)
class ChatPorts:
    """What a customer's connection works with."""

    conversations: Conversations
    turns: TurnRunner
    tokens: Tokens
    uploads: Uploads
    company: Company
    clock: Callable[[], datetime]
    messages_allowed: RateLimiter
    frames_allowed: RateLimiter
    conversations_allowed: SharedLimiter
    voice: VoicePorts


async def chat(socket: WebSocket, ports: ChatPorts) -> None:
    """Serves one customer's connection."""
    if not origin_allowed(socket.headers.get("origin"), socket.headers.get("host"), ports.company.origins):
        # Refused before the handshake is over, a browser tells the widget nothing, and it would try for ever.
        await socket.accept()
        await socket.close(POLICY, "this site may not embed the chat")
        return
    await socket.accept()
    with ExitStack() as following:
        connection = _Connection(socket, ports, following)
        try:
            await serve(
                socket, "chat", connection.queue, connection.write, connection.handle, binary=connection.voice.audio
            )
        finally:
            await connection.voice.close()


class _Connection:
    """One socket: which conversation it follows and what it has been sent."""

    def __init__(self, socket: WebSocket, ports: ChatPorts, following: ExitStack) -> None:
        self.queue = Subscription()
        self._socket = socket
        self._ports = ports
        self._conversations = ports.conversations
        self._following = following
        self._conversation: str | None = None
        self._sent_seq = 0
        self._locale: str = ports.company.default_language
        self.voice = Voice(ports.voice, ports.conversations, put=self.queue.put, accept=self._accept_speech)
        self._address = socket.client.host if socket.client else "?"
        self._handlers = {
            "message": self._message,
            "choice": self._choice,
            "image": self._image,
            "human": self._human,
            "bot": self._bot,
            "restart": self._restart,
            "feedback": self._feedback,
            "contact": self._contact,
            "typing": self._typing,
            "read": self._read,
            "voice_start": self._voice_start,
            "voice_end": self._voice_end,
            "played": self._played,
        }

    # ------------------------------------------------------------------ out

    async def write(self, frame: Json) -> None:
        """Sends a frame; messages in order and without gaps, whatever order they come in."""
        if frame["type"] == BACKLOG:
            await self._send_missing(None)
        elif frame["type"] == "audio":
            await send(self._socket, {name: value for name, value in frame.items() if name != PCM})
            await send_binary(self._socket, frame[PCM])
        elif frame["type"] != "message":
            if frame["type"] == "mode":
                self.voice.moved(frame["mode"])
            await send(self._socket, frame)
        elif frame["seq"] == self._sent_seq + 1:
            await self._send_message(self.voice.spoken(frame))
        elif frame["seq"] > self._sent_seq:
            await self._send_missing(frame["seq"])

    async def _send_missing(self, until: int | None) -> None:
        if self._conversation is None:
            return
        for message in await self._conversations.store.messages(self._conversation, after=self._sent_seq, until=until):
            # What fills a gap is live; what a page gets that has just come back is not read to it.
            frame = message.frame() if until is None else self.voice.spoken(message.frame())
            await self._send_message(frame)

    async def _send_message(self, frame: Json) -> None:
        await send(self._socket, frame)
        self._sent_seq = frame["seq"]
        if frame["role"] == "agent" and self._conversation is not None:
            self._conversations.receipts.got(self._conversation, frame["seq"])
            told = {"type": "delivered", "conversation": self._conversation, "seq": frame["seq"]}
            self._conversations.hub.publish(DESK, told)

    # ------------------------------------------------------------------ in

    async def handle(self, frame: Json) -> None:
        """Serves one frame of the client."""
        kind = frame["type"]
        if not self._ports.frames_allowed.allow(self._address + (self._conversation or "")):
            raise FrameError("rate_limited", "too many frames; please wait a moment", action_id(frame))
        if kind == "ping":
            self.queue.put({"type": "pong", "t": frame["t"]} if _is_small(frame.get("t")) else {"type": "pong"})
        elif kind == "hello":
            await self._hello(frame)
        elif kind not in self._handlers:
            raise FrameError("bad_frame", "unknown type", action_id(frame))
        elif self._conversation is None:
            raise FrameError("unknown_conversation", "say hello first", action_id(frame))
        else:
            await self._serve_in_conversation(kind, frame)

    async def _serve_in_conversation(self, kind: str, frame: Json) -> None:
        try:
            await self._handlers[kind](frame)
        except ClosedError:
            raise FrameError("closed", "this conversation is closed; start a new one", action_id(frame)) from None
        except TextError as error:
            detail = "the message is empty" if error.code == "bad_frame" else "a message has at most 4000 characters"
            raise FrameError(error.code, detail, action_id(frame)) from None

    async def _hello(self, frame: Json) -> None:
        customer = self._identity(frame)
        asked = text_field(frame, "conversation", default="")
        last_seq = int_field(frame, "last_seq", default=0)
        locale = text_field(frame, "locale", default="")
        state = await self._resume(asked, text_field(frame, "token", default="")) if asked else None
        resumed = state is not None
        if state is None:
            if not await self._ports.conversations_allowed.allow(self._address):
                raise FrameError("rate_limited", "too many new conversations from this address; please wait a moment")
            state = await self._conversations.open(locale or None, customer)
        await self._follow(state, last_seq if resumed else 0, resumed=resumed)

    async def _resume(self, conversation: str, token: str) -> Conversation:
        if not self._ports.tokens.opens(token, conversation, self._ports.clock()):
            raise FrameError("bad_token", "the token does not open this conversation or has expired")
        state = await self._conversations.store.conversation(conversation)
        if state is None:
            raise FrameError("unknown_conversation", "this conversation does not exist any more")
        return state

    def _identity(self, frame: Json) -> str | None:
        identity = frame.get("identity")
        if identity is None:
            return None
        if not isinstance(identity, dict):
            raise FrameError("bad_frame", "field 'identity' must be an object")
        customer = text_field(identity, "customer")
        if not self._ports.tokens.is_identity(customer, text_field(identity, "hmac")):
            raise CloseSocketError(POLICY, "the identity's signature is wrong")
        return customer

    async def _follow(self, state: Conversation, last_seq: int, *, resumed: bool) -> None:
        mode = await self._conversations.mode_frame(state)
        # From here to the backlog nothing is awaited: no frame can slip between what is read and what is live.
        self._following.close()
        self._conversation = state.id
        self._locale = state.locale
        self.voice.follow(state)
        self._sent_seq = min(last_seq, state.last_seq)
        self._following.enter_context(self._conversations.hub.follow(topic(state.id), self.queue))
        self.queue.put(
            {
                "type": "welcome",
                "conversation": state.id,
                "token": self._ports.tokens.conversation(state.id, self._ports.clock()),
                "mode": state.mode,
                "seq": state.last_seq,
                "locale": state.locale,
                "resumed": resumed,
            }
        )
        self.queue.put({"type": BACKLOG})
        if state.mode != "bot":
            self.queue.put(mode)

    async def _message(self, frame: Json) -> None:
        self.voice.typed()
        await self._accept(frame, clean(text_field(frame, "text")), {})

    async def _choice(self, frame: Json) -> None:
        seq, value = int_field(frame, "seq"), text_field(frame, "value")
        offered = await self._conversations.store.message(self._open(), seq)
        for choice in (offered.extra.get("choices") or []) if offered else []:
            if choice["value"] == value:
                self.voice.typed()
                heard = voice_record.question_of(offered)
                if heard is None:
                    await self._accept(frame, choice["label"], {"_value": value})
                elif value == voice_record.YES:
                    speech = {"confidence": heard["confidence"], "confirmed": True}
                    await self._accept(frame, str(heard["text"]), {"voice": True, "_speech": speech})
                else:
                    client_id = id_field(frame)
                    asked = voice_record.declined(
                        self._conversations, self._open(), client_id, choice["label"], self._locale
                    )
                    self._ack(client_id, await asked)
                return
        raise FrameError("bad_frame", f"message {seq} did not offer this choice", action_id(frame))

    async def _image(self, frame: Json) -> None:
        image = await self._ports.uploads.of(self._open(), text_field(frame, "upload"))
        if image is None:
            raise FrameError("bad_frame", "this picture was not uploaded to this conversation", action_id(frame))
        text = text_field(frame, "text", default="")
        await self._accept(frame, clean(text) if text.strip() else "", {"image": image})

    async def _accept(self, frame: Json, text: str, extra: Json) -> None:
        client_id = id_field(frame)
        if not self._ports.messages_allowed.allow(self._open()):
            raise FrameError("rate_limited", "too many messages; please wait a moment", client_id)
        await self._put_off_if_full(client_id)
        accepted = await self._conversations.accept(self._open(), client_id, text, extra)
        self._ack(client_id, accepted.seq)
        if accepted.message is not None:
            self._ports.turns.wake(self._open())

    async def _put_off_if_full(self, client_id: str) -> None:
        """Too many turns wait: who writes to the bot now is better served by sending it again in a moment.

        Raises:
            FrameError: ``busy``, with the place in the line and the seconds after which to send it again.
        """
        if (position := self._ports.turns.position_if_full()) is None:
            return
        state = await self._conversations.store.conversation(self._open())
        if state is not None and state.mode == "bot":  # people are reached whatever the bot has to do
            MESSAGES_PUT_OFF.inc()
            detail = "many customers are writing; please send it again in a moment"
            raise FrameError("busy", detail, client_id, position=position, retry_s=PUT_OFF_S)

    async def _voice_start(self, frame: Json) -> None:
        state = await self._conversations.store.conversation(self._open())
        if state is None or state.mode == "closed":
            raise ClosedError
        await self.voice.start(frame)

    async def _voice_end(self, frame: Json) -> None:
        self.voice.end(frame)

    async def _played(self, frame: Json) -> None:
        self.voice.played(frame)

    async def _accept_speech(self, client_id: str, text: str, extra: Json) -> None:
        """A spoken message: stored and answered like a typed one."""
        if not self._ports.messages_allowed.allow(self._open()):
            raise FrameError("rate_limited", "too many messages; please wait a moment", client_id)
        accepted = await self._conversations.accept(self._open(), client_id, clean(text), extra)
        if accepted.message is not None:
            self._ports.turns.wake(self._open())

    async def _human(self, frame: Json) -> None:
        client_id = id_field(frame)
        self._ack(client_id, await self._conversations.ask_for_person(self._open(), client_id))

    async def _bot(self, frame: Json) -> None:
        client_id = id_field(frame)
        self._ack(client_id, await self._conversations.back_to_bot(self._open(), client_id))

    async def _restart(self, frame: Json) -> None:
        client_id = id_field(frame)
        seq, state = await self._conversations.restart(self._open(), client_id)
        self._ack(client_id, seq)
        await self._follow(state, 0, resumed=False)

    async def _feedback(self, frame: Json) -> None:
        client_id = id_field(frame)
        score, solved = frame.get("score"), frame.get("solved")
        if score is not None and (not isinstance(score, int) or isinstance(score, bool) or score not in SCORES):
            raise FrameError("bad_frame", "field 'score' is a whole number from -1 to 5", client_id)
        if solved is not None and not isinstance(solved, bool):
            raise FrameError("bad_frame", "field 'solved' is true or false", client_id)
        if score is None and solved is None:
            raise FrameError("bad_frame", "feedback has a 'score' or 'solved'", client_id)
        seq = int_field(frame, "seq") if frame.get("seq") is not None else None
        comment = text_field(frame, "comment", default="")[:MAX_COMMENT_CHARACTERS]
        comment = clean(comment) if comment.strip() else ""
        kept = await self._conversations.feedback(
            self._open(), client_id, seq=seq, score=score, solved=solved, comment=comment
        )
        self._ack(client_id, kept)

    async def _contact(self, frame: Json) -> None:
        client_id = id_field(frame)
        given = {name: text_field(frame, name, default="") for name in ("phone", "email", "note", "name")}
        try:
            contact = read_contact(given)
        except ValueError as error:
            raise FrameError("bad_frame", str(error), client_id) from None
        shown = ", ".join(contact[name] for name in ("phone", "email") if name in contact)
        self._ack(client_id, await self._conversations.leave_contact(self._open(), client_id, contact, shown))

    async def _typing(self, frame: Json) -> None:
        self._conversations.hub.publish(
            DESK, {"type": "typing", "conversation": self._open(), "on": frame.get("on") is True, "role": "customer"}
        )

    async def _read(self, frame: Json) -> None:
        seq = int_field(frame, "seq")
        if seq > self._sent_seq:
            raise FrameError("bad_frame", f"message {seq} was not sent here")
        self._conversations.receipts.read(self._open(), seq)
        self._conversations.hub.publish(DESK, {"type": "read", "conversation": self._open(), "seq": seq})

    def _ack(self, client_id: str, seq: int) -> None:
        self.queue.put({"type": "ack", "id": client_id, "seq": seq})

    def _open(self) -> str:
        assert self._conversation is not None
        return self._conversation


def _is_small(value: Any) -> bool:
    return isinstance(value, int | float | str) and len(str(value)) <= 40
