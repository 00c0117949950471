"""Live events across gateways: carried by Redis, put into their order, and found in the database where one is missing.

The desk's stream is handed out by its numbers: an event that comes before its turn waits until those between are read.
A customer's socket orders messages itself, by ``seq``. While Redis is away, the database is asked every `AWAY_S`; while
it is there, every `THERE_S`, for what it lost.
"""

import logging
import time
from typing import Any

from server.gateway.bus import Bus
from server.gateway.conversations import DESK, Conversations, topic
from server.gateway.drafts import Drafts
from server.gateway.limits import SharedLimiter
from server.gateway.repeated import Repeated
from server.gateway.replicas import Replicas

Json = dict[str, Any]
logger = logging.getLogger(__name__)

AWAY_S = 0.7
THERE_S = 5.0
MOST_EVENTS = MOST_CONVERSATIONS = 500
"""Read at a time."""
PEOPLE = "_people"
"""The topic under which gateways tell each other to read who is at whose desks."""
_CONVERSATION = "c:"
_ENDS_DRAFTS = frozenset({"taken", "reopened", "released", "transferred", "closed", "mode"})


class Live:
    """Joins one gateway's hub with those of the others; owns the tasks that do."""

    def __init__(self, conversations: Conversations, drafts: Drafts, redis_url: str, key: bytes) -> None:
        """``key`` is the secret that all gateways of the company have."""
        self._conversations = conversations
        self._hub = conversations.hub
        self._store = conversations.store
        self._drafts = drafts
        self._last_event = 0
        self._seen: dict[str, tuple[int, str | None]] = {}
        self._catching_up = Repeated("desk events", AWAY_S, self._read_events)
        self._polling = Repeated("conversations of other gateways", AWAY_S, self._read_conversations)
        self.replicas = Replicas(self._store, conversations.presence, conversations.changed.set)
        self.bus: Bus | None = None
        if self.replicas.several and redis_url:
            self.bus = Bus(redis_url, key, self.replicas.id, self._receive, self._look_now)

    async def start(self) -> None:
        """Joins the others; from now on the desk's events are handed out by their numbers."""
        await self.replicas.start()
        self._last_event = await self._store.last_event()
        self._hub.before = self._before
        self._pace()
        self._catching_up.start()
        if not self.replicas.several:
            return
        self.replicas.announce = lambda: self._send(PEOPLE, {"type": PEOPLE})
        self._hub.relay = self._send
        if self.bus is None:
            logger.info("no Redis is set: what other gateways store is found within %s s", AWAY_S)
        else:
            self.bus.start()
        self._polling.start(at_once=True)

    async def close(self) -> None:
        """Leaves the others, and says so."""
        await self.replicas.close()
        self._hub.relay = self._hub.before = None
        for one in (self._polling, self._catching_up):
            await one.close()
        if self.bus is not None:
            await self.bus.close()

    def limiter(self, name: str, *, burst: int, per_second: float) -> SharedLimiter:
        """A rate that holds for all gateways together."""
        return SharedLimiter(name, self._allow, burst=burst, per_second=per_second, clock=time.monotonic)

    async def _allow(self, key: str, burst: int, per_second: float) -> bool | None:
        return None if self.bus is None else await self.bus.allow(key, burst, per_second)

    # ------------------------------------------------------------------ between gateways

    def _send(self, topic: str, frame: Json) -> None:
        if self.bus is not None:
            self.bus.send(topic, frame)

    def _receive(self, topic: str, frame: Json) -> None:
        if topic == PEOPLE:
            self.replicas.look()
            return
        if topic == DESK:
            self._mirror(frame)
        self._hub.deliver(topic, frame)

    def _mirror(self, frame: Json) -> None:
        """What an event of another gateway changes in this one's memory."""
        kind, conversation = frame.get("type"), str(frame.get("conversation", ""))
        if kind == "draft":
            given = str(frame["agent"]), str(frame["name"]), int(frame["_window"]), str(frame["text"])
            self._drafts.write(conversation, *given)
        elif kind in _ENDS_DRAFTS or (kind == "message" and frame.get("role") == "agent"):
            self._drafts.forget(conversation)
        if "event" in frame:
            self._conversations.changed.set()

    def _pace(self) -> None:
        away = self.replicas.several and (self.bus is None or not self.bus.connected)
        self._catching_up.every_s = self._polling.every_s = AWAY_S if away else THERE_S

    def _look_now(self) -> None:
        self._pace()
        self._catching_up.soon()
        self._polling.soon()
        self.replicas.look()

    # ------------------------------------------------------------------ the desk's events, in order

    def _before(self, topic: str, frame: Json) -> bool:
        """Whether a frame may be handed out now; keeps what the database need not be asked for."""
        if topic.startswith(_CONVERSATION):
            if self.replicas.several and self._hub.has_followers(topic):
                self._note(topic, frame)
            return True
        event = frame.get("event")
        if topic != DESK or event is None:
            return True
        if event == self._last_event + 1:
            self._last_event = event
            return True
        if event > self._last_event:
            self._catching_up.soon()
        return False

    async def _read_events(self) -> None:
        while True:
            frames = await self._store.desk_events(after=self._last_event, limit=MOST_EVENTS)
            for frame in frames:
                if frame["event"] > self._last_event:
                    self._last_event = frame["event"]
                    self._mirror(frame)
                    self._hub.hand_out(DESK, frame)
            if len(frames) < MOST_EVENTS:
                return

    # ------------------------------------------------------------------ customers' conversations

    def _note(self, topic: str, frame: Json) -> None:
        seq, mode = self._seen.get(topic, (0, None))
        if frame["type"] == "message":
            self._seen[topic] = (max(seq, int(frame["seq"])), mode)
        elif frame["type"] == "mode":
            self._seen[topic] = (seq, str(frame["mode"]))

    async def _read_conversations(self) -> None:
        """Finds what other gateways stored in the conversations that are open here, and nobody told."""
        followed = [one for one in self._hub.topics() if one.startswith(_CONVERSATION)]
        for gone in self._seen.keys() - set(followed):
            del self._seen[gone]
        for at in range(0, len(followed), MOST_CONVERSATIONS):
            some = [one.removeprefix(_CONVERSATION) for one in followed[at : at + MOST_CONVERSATIONS]]
            for conversation, last_seq, mode in await self._store.standing(some):
                await self._tell(conversation, last_seq, mode)

    async def _tell(self, conversation: str, last_seq: int, mode: str) -> None:
        name = topic(conversation)
        seq, mode_told = self._seen.get(name, (0, None))
        if last_seq > seq and (message := await self._store.message(conversation, last_seq)) is not None:
            # The socket fetches those before it by itself, and leaves out what it has sent.
            self._hub.deliver(name, message.frame())
        if mode != mode_told and (state := await self._store.conversation(conversation)) is not None:
            self._hub.deliver(name, await self._conversations.mode_frame(state))
        if self._hub.has_followers(name):
            self._seen[name] = (max(seq, last_seq), mode)
