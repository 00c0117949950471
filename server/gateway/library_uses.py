"""Which questions an article answered, and for which it was wrongly given: what customers and agents said of it.

A use is noted when a turn cites the article. It was wrong where the customer gave the answer a thumb down, or where a
person marked it wrong and that was not set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, case, exists, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from server.privacy import mask
from server.storage.store import Store, iso
from server.storage.tables import article_uses, feedback, messages, reviews

Json = dict[str, Any]
_HELP: Final = "/help/"
_LONGEST_QUESTION: Final = 300
LOOK_BACK: Final = timedelta(days=90)


class Uses:
    """The uses of articles, kept under their conversations, so that erasing a customer's data takes them along."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def note(self, conversation: str, seq: int, citations: Iterable[Mapping[str, Any]]) -> None:
        """Keeps which articles the turn ``seq`` cited; a turn that is run again changes nothing."""
        cited = dict.fromkeys(
            str(one.get("url", "")).removeprefix(_HELP)[:64]
            for one in citations
            if str(one.get("url", "")).startswith(_HELP)
        )
        if not cited:
            return
        try:
            async with self._store.write() as tx:
                rows = [{"conversation": conversation, "seq": seq, "article": one, "at": tx.now} for one in cited]
                await tx.execute(insert(article_uses).values(rows))
        except IntegrityError:  # noted before the turn was interrupted
            return

    async def counts(self, now: datetime) -> dict[str, tuple[int, int]]:
        """(questions answered, of them wrongly) of every article within `LOOK_BACK`."""
        wrong = func.sum(case((or_(_disliked(), _marked()), 1), else_=0))
        query = (
            select(article_uses.c.article, func.count().label("answered"), wrong.label("wrong"))
            .where(article_uses.c.at >= iso(now - LOOK_BACK))
            .group_by(article_uses.c.article)
        )
        return {row.article: (row.answered, int(row.wrong or 0)) for row in await self._store.all(query)}

    async def questions(self, article: str, *, wrong_only: bool, limit: int, before: int | None) -> list[Json]:
        """The questions that an article answered, newest first, without personal data."""
        disliked, marked = _disliked(), _marked()
        query = (
            select(
                article_uses.c.id, article_uses.c.conversation, article_uses.c.seq, article_uses.c.at, messages.c.text,
                disliked.label("disliked"), marked.label("marked"),
            )
            .join(
                messages,
                (messages.c.conversation == article_uses.c.conversation) & (messages.c.seq == article_uses.c.seq),
            )
            .where(article_uses.c.article == article)
            .order_by(article_uses.c.id.desc())
            .limit(limit)
        )  # fmt: skip
        if wrong_only:
            query = query.where(or_(disliked, marked))
        if before is not None:
            query = query.where(article_uses.c.id < before)
        return [
            {
                "id": row.id, "conversation": row.conversation, "seq": row.seq, "at": row.at,
                "text": mask(row.text)[:_LONGEST_QUESTION], "disliked": bool(row.disliked), "marked": bool(row.marked),
            }
            for row in await self._store.all(query)
        ]  # fmt: skip


def _disliked() -> ColumnElement[bool]:
    said = messages.alias("disliked_message")
    of_it = (feedback.c.conversation == said.c.conversation) & (feedback.c.seq == said.c.seq)
    turn = (said.c.conversation == article_uses.c.conversation) & (said.c.turn == article_uses.c.seq)
    return exists(select(said.c.seq).where(turn, of_it, feedback.c.score < 0))


def _marked() -> ColumnElement[bool]:
    said = messages.alias("marked_message")
    of_it = (reviews.c.conversation == said.c.conversation) & (reviews.c.seq == said.c.seq)
    turn = (said.c.conversation == article_uses.c.conversation) & (said.c.turn == article_uses.c.seq)
    return exists(select(said.c.seq).where(turn, of_it, reviews.c.state != "dismissed"))
