"""How far each customer's screen has come: kept in memory, written to the database together every so often.

A receipt that a crash takes is sent again with the next message; a write for each would double the writes.
"""

from sqlalchemy import update

from server.storage.store import Store
from server.storage.tables import conversations


class Receipts:
    """The last ``seq`` that reached each customer's screen, and that they read."""

    def __init__(self) -> None:
        self._got: dict[str, int] = {}
        self._read: dict[str, int] = {}

    def got(self, conversation: str, seq: int) -> None:
        """A message reached the screen."""
        self._got[conversation] = max(seq, self._got.get(conversation, 0))

    def read(self, conversation: str, seq: int) -> None:
        """The customer saw the messages up to ``seq``."""
        self._read[conversation] = max(seq, self._read.get(conversation, 0))

    def pending(self, conversation: str) -> tuple[int, int]:
        """What is not written yet: (on the screen, read)."""
        return self._got.get(conversation, 0), self._read.get(conversation, 0)

    async def reached(self, store: Store, conversation: str) -> tuple[int, int]:
        """How far the customer's screen has come, written or not yet: (on the screen, read)."""
        # Memory first: what is written and forgotten after that is in the row by the time it is read.
        got, read = self.pending(conversation)
        state = await store.conversation(conversation)
        return (max(got, state.customer_got), max(read, state.customer_read)) if state else (got, read)

    async def write(self, store: Store) -> None:
        """Writes what has come in since the last time."""
        if not self._got and not self._read:
            return
        given = {one: self.pending(one) for one in {*self._got, *self._read}}
        async with store.write() as tx:
            for conversation, (got, read) in given.items():
                for column, seq in ((conversations.c.customer_got, got), (conversations.c.customer_read, read)):
                    if seq:
                        await tx.execute(
                            update(conversations)
                            .where(conversations.c.id == conversation, column < seq)
                            .values({column: seq})
                        )
        for conversation, (got, read) in given.items():
            _forget(self._got, conversation, got)
            _forget(self._read, conversation, read)


def _forget(kept: dict[str, int], conversation: str, seq: int) -> None:
    if kept.get(conversation) == seq:
        del kept[conversation]
