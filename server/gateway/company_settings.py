"""The company's settings in the database: versions, the one in force followed by every gateway, roll back.

The company's folder gives version 1; from then on the database rules. Whoever holds the `Company` of this process has a
new version within a second, because it is taken into that very object.
"""

import copy
import logging
import os
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from server.company import CHANGEABLE, Company, CompanyError
from server.company_settings import Problem, as_toml, differences, problem, problems_of
from server.gateway.company_in_force import risk_bound
from server.gateway.graph_refusals import Refusal
from server.gateway.repeated import Repeated
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.store import Store
from server.storage.tables import company_settings

Json = dict[str, Any]
logger = logging.getLogger(__name__)
EVERY_S: Final = 1.0
_AUDITED_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What the folder says and the console does not change."""

    id: str
    currency: str
    timezone: str
    trained: tuple[str, ...]


class CompanySettings:
    """Keeps `company` what the newest version says; `start` and `close` own the task that follows it."""

    def __init__(self, store: Store, company: Company, settings: Settings, audit: Audit) -> None:
        self._store = store
        self._company = company
        self._settings = settings
        self._audit = audit
        self._fixed = _Fixed(company.id, company.currency, company.timezone, tuple(company.languages))
        self._seed = with_defaults(company.document(), settings)
        self._version = 0
        self._following = Repeated("company settings", EVERY_S, self.refresh)

    async def start(self) -> None:
        """Makes version 1 of the folder where there is none, takes the newest, and follows from now on."""
        if await self._newest() is None:
            try:
                await self._insert(1, self._seed, [], author="", message="", origin="seed", of=None)
            except IntegrityError:
                logger.info("another gateway has just made the first version of the company settings")
        await self.refresh()
        self._following.start()

    async def close(self) -> None:
        """Stops following."""
        await self._following.close()

    async def refresh(self) -> None:
        """Takes the newest version where it is not the one in force."""
        newest = await self._newest()
        if newest is None or newest == self._version:
            return
        row = await self._store.one(select(company_settings.c.content).where(company_settings.c.version == newest))
        if row is None:
            return
        try:
            self._company.take(row.content)
        except CompanyError as error:
            # Written by a newer program: the version known goes on, and the log says why.
            logger.error("version %d of the company settings cannot be used: %s", newest, error)
        self._version = newest

    @property
    def risk_bound(self) -> float:
        """The share of the messages that the bot acts on of which it may misunderstand no more."""
        return risk_bound(self._settings, self._company)

    # ------------------------------------------------------------------ reading

    async def current(self) -> Json:
        """The version in force with all that a form needs."""
        row = await self._row(await self._newest() or 0)
        return {
            **_version(row),
            "settings": row.content,
            "fixed": {
                "id": self._fixed.id,
                "currency": self._fixed.currency,
                "timezone": self._fixed.timezone,
                "languages": list(self._fixed.trained),
            },
            "topics": [{"name": one.name, "label": one.label} for one in self._company.intents.values()],
        }

    async def history(self, *, limit: int, before: int | None) -> list[Json]:
        """Versions, newest first, with what each changed."""
        query = select(*company_settings.c).order_by(company_settings.c.version.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(company_settings.c.version < before)
        rows = await self._store.all(query)
        older = {row.version + 1: row.content for row in rows}
        return [
            {**_version(row), "changes": differences(older[row.version], row.content) if row.version in older else []}
            for row in rows[:limit]
        ]

    async def export(self) -> str:
        """The version in force as a ``company.toml``."""
        row = await self._row(await self._newest() or 0)
        paths = _places(self._company)
        fixed = {"id": self._fixed.id, "currency": self._fixed.currency, "timezone": self._fixed.timezone}
        return as_toml(row.content, fixed, paths)

    async def problems(self, document: Json) -> list[Problem]:
        """What keeps a document from being saved."""
        before = (await self._row(await self._newest() or 0)).content
        unknown = sorted(document.keys() - set(CHANGEABLE))
        if unknown:
            return [problem((unknown[0],), "invalid", detail="unknown")]
        found = problems_of(document, trained=self._fixed.trained, topics=self._company.intents.keys(), before=before)
        return found or await self._deserted(document, before)

    async def _deserted(self, document: Json, before: Json) -> list[Problem]:
        """Teams that would go while people are in them."""
        kept = {team["id"] for team in document["desk"]["teams"]}
        found = []
        for team in before["desk"]["teams"]:
            people = [one.name for one in await self._store.all_staff() if team["id"] in one.teams]
            if team["id"] not in kept and people:
                found.append(problem(("desk", "teams"), "team_in_use", team=team["id"], people=", ".join(people)))
        return found

    # ------------------------------------------------------------------ changing

    async def save(self, base: int, document: Json, message: str, author: str) -> Json:
        """Puts a document in force as a new version.

        Raises:
            Refusal: ``changed``, ``unusable`` with ``problems``, or nothing is new.
        """
        found = await self.problems(document)
        if found:
            raise Refusal(
                "unusable", "company.problems", {"count": len(found)}, problems=[one.as_json() for one in found]
            )
        try:
            copy.copy(self._company).take(document)
        except CompanyError as error:
            reason = problem((), "invalid", detail=str(error)[:300])
            raise Refusal("unusable", "company.problems", {"count": 1}, problems=[reason.as_json()]) from error
        return await self._put(base, document, message=message, author=author, origin="change", of=None)

    async def roll_back(self, base: int, to: int, message: str, author: str) -> Json:
        """Puts the content of an earlier version in force as a new one.

        Raises:
            Refusal: ``unknown``, ``changed``, or nothing is new; ``unusable`` where it no longer fits (a language).
        """
        row = await self._row(to)
        found = await self.problems(row.content)
        if found:
            raise Refusal(
                "unusable", "company.problems", {"count": len(found)}, problems=[one.as_json() for one in found]
            )
        return await self._put(base, row.content, message=message, author=author, origin="rollback", of=to)

    async def _put(self, base: int, content: Json, **said: Any) -> Json:
        newest = await self._row(await self._newest() or 0)
        if newest.version != base:
            raise await self._overtaken(newest)
        changes = differences(newest.content, content)
        if not changes:
            raise Refusal("problems", "company.nothing_new")
        try:
            await self._insert(base + 1, content, changes, **said)
        except IntegrityError:
            # Somebody else's version came between the look and the write.
            raise await self._overtaken(await self._row(await self._newest() or 0)) from None
        await self.refresh()
        return await self.current()

    async def _overtaken(self, newest: Any) -> Refusal:
        names = {one.username: one.name for one in await self._store.all_staff()}
        who = names.get(newest.author, newest.author) or "–"
        return Refusal(
            "changed",
            "company.changed",
            {"author": who, "version": newest.version},
            version=newest.version,
            settings=newest.content,
        )

    async def _insert(self, version: int, content: Json, changes: list[Json], **said: Any) -> None:
        """``said``: author, message, origin and, of a roll back, the version that it is of."""
        async with self._store.write() as tx:
            row = {"version": version, "at": tx.now, "content": content, **said}
            await tx.execute(insert(company_settings).values(**row))
            changed = ", ".join(".".join(one["path"]) for one in changes)[:_AUDITED_CHARACTERS]
            await self._audit.note_in(
                tx, said["author"] or "kefu", "company.changed", f"company:{version}", origin=said["origin"],
                changed=changed,
            )  # fmt: skip

    async def _newest(self) -> int | None:
        row = await self._store.one(select(func.max(company_settings.c.version)))
        return None if row is None or row[0] is None else int(row[0])

    async def _row(self, version: int) -> Any:
        row = await self._store.one(select(*company_settings.c).where(company_settings.c.version == version))
        if row is None:
            raise Refusal("unknown", "company.unknown_version", {"version": version})
        return row


def with_defaults(document: Json, settings: Settings) -> Json:
    """The document with what the product's settings say where the company says nothing."""
    given = {key: value for key, value in document["service"].items() if value is not None}
    service = {"risk_bound": settings.risk_bound, "retention_days": settings.retention_days, **given}
    return {**document, "service": service}


def _places(company: Company) -> dict[str, str]:
    """Where the rest of the company lies, from its folder."""
    places = {
        "nlu_data": company.nlu_dir,
        "articles": company.articles_dir,
        "kg": company.kg_dir,
        "accounts": company.accounts_file,
    }
    return {key: os.path.relpath(place, company.folder) for key, place in places.items() if place is not None}


def _version(row: Any) -> Json:
    return {name: getattr(row, name) for name in ("version", "at", "author", "message", "origin", "of")}
