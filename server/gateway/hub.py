"""Live events: who follows a topic gets its frames, in order, through a bounded queue.

`publish` tells the followers of every gateway, `deliver` those of this one: `server.gateway.live` carries between them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Json = dict[str, Any]
QUEUE_SIZE = 500


class SlowSubscriberError(Exception):
    """The subscriber does not keep up; its connection is closed and resumes from the database."""


class Subscription:
    """One connection's queue of frames."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Json] = asyncio.Queue(QUEUE_SIZE)
        self._overflown = False

    def put(self, frame: Json) -> None:
        """Hands over a frame; a full queue marks the subscription instead of holding up the publisher."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self._overflown = True

    async def get(self) -> Json:
        """The next frame.

        Raises:
            SlowSubscriberError: Frames were dropped because the queue was full.
        """
        if self._overflown:
            raise SlowSubscriberError
        return await self._queue.get()


class Hub:
    """Topics: ``c:CONVERSATION`` for a customer's socket, ``desk`` for the staff's."""

    def __init__(self) -> None:
        self._topics: dict[str, set[Subscription]] = defaultdict(set)
        self.relay: Callable[[str, Json], None] | None = None
        """Carries what is published here to other gateways."""
        self.before: Callable[[str, Json], bool] | None = None
        """Sees every frame before it is handed out; False keeps it back, to be handed out later."""

    def publish(self, topic: str, frame: Json) -> None:
        """Hands a frame to everybody who follows the topic, here and at other gateways."""
        self.deliver(topic, frame)
        if self.relay is not None:
            self.relay(topic, frame)

    def deliver(self, topic: str, frame: Json) -> None:
        """Hands a frame to those who follow the topic here."""
        if self.before is None or self.before(topic, frame):
            self.hand_out(topic, frame)

    def hand_out(self, topic: str, frame: Json) -> None:
        """Puts a frame into the followers' queues, whatever its turn."""
        for subscription in tuple(self._topics.get(topic, ())):
            subscription.put(frame)

    def has_followers(self, topic: str) -> bool:
        """Whether anybody follows the topic here."""
        return topic in self._topics

    def reaches(self, topic: str) -> bool:
        """Whether anybody may follow the topic, here or at another gateway."""
        return self.relay is not None or self.has_followers(topic)

    def topics(self) -> list[str]:
        """What is followed here."""
        return list(self._topics)

    @contextmanager
    def follow(self, topic: str, subscription: Subscription) -> Iterator[None]:
        """Follows a topic as long as the context lasts."""
        self._topics[topic].add(subscription)
        try:
            yield
        finally:
            self._topics[topic].discard(subscription)
            if not self._topics[topic]:
                del self._topics[topic]
