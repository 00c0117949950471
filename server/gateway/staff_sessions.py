"""Staff's second factors, and the end of sessions: in the database and on the sockets that they opened."""

import asyncio
import contextlib
from datetime import datetime
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from sqlalchemy import delete, func, select, update

from server.gateway import totp
from server.gateway.socket import POLICY
from server.gateway.tokens import session_hash
from server.storage.store import Store
from server.storage.tables import second_factors, sessions

Json = dict[str, Any]
CHECK_EVERY_S = 3.0
"""How long a revoked session's socket may live on."""


class SecondFactors:
    """Second factors by account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def wanted(self, username: str) -> bool:
        """Whether the account logs in with a code."""
        row = await self._row(username)
        return row is not None and bool(row.confirmed)

    async def begin(self, username: str) -> str | None:
        """A new secret, not in force before `confirm`; None where one is in force."""
        secret = totp.new_secret()
        async with self._store.write() as tx:
            await tx.execute(
                delete(second_factors).where(
                    second_factors.c.username == username, second_factors.c.confirmed.is_(False)
                )
            )
            there = await tx.execute(select(second_factors.c.username).where(second_factors.c.username == username))
            if there.first() is not None:
                return None
            await tx.execute(
                second_factors.insert().values(username=username, secret=secret, confirmed=False, last_step=0)
            )
        return secret

    async def accepts(self, username: str, code: str, now: datetime, *, confirm: bool = False) -> bool:
        """Whether the code is right and was not used before; ``confirm`` puts a new secret in force."""
        row = await self._row(username)
        if row is None or bool(row.confirmed) is confirm:
            return False
        step = totp.step_of(row.secret, code, now.timestamp(), after=row.last_step)
        if step is None:
            return False
        async with self._store.write() as tx:
            used = await tx.execute(
                update(second_factors)
                .where(second_factors.c.username == username, second_factors.c.last_step < step)
                .values(last_step=step, confirmed=True)
            )
            return bool(used.rowcount)

    async def remove(self, username: str) -> bool:
        """Takes the second factor away; False where there is none."""
        async with self._store.write() as tx:
            gone = await tx.execute(delete(second_factors).where(second_factors.c.username == username))
            return bool(gone.rowcount)

    async def _row(self, username: str) -> Any:
        return await self._store.one(select(*second_factors.c).where(second_factors.c.username == username))


async def end_sessions(store: Store, username: str, *, but: str | None = None) -> int:
    """Ends an account's sessions, except the one with the token ``but``; returns how many."""
    statement = delete(sessions).where(sessions.c.username == username)
    if but is not None:
        statement = statement.where(sessions.c.token_hash != session_hash(but))
    async with store.write() as tx:
        return int((await tx.execute(statement)).rowcount)


async def count_sessions(store: Store, username: str) -> int:
    """How many sessions of an account have not expired."""
    query = select(func.count()).where(sessions.c.username == username, sessions.c.expires > store.now())
    row = await store.one(query)
    return int(row[0]) if row else 0


async def close_when_over(store: Store, token: str | None, socket: WebSocket) -> None:
    """Waits until the session is over, then closes the socket that it opened."""
    if token is None:
        return
    while await store.session(session_hash(token)) is not None:  # noqa: ASYNC110 (the end may be another process's doing)
        await asyncio.sleep(CHECK_EVERY_S)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it may be closed already
        await socket.close(POLICY, "the session is over; log in again")
