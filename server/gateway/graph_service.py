"""The graph behind the console, put together: versions, drafts, cases, and what is in service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from kg.bdd import AnalysisLimitError
from kg.compiled import Knowledge
from kg.diagnose import StateError
from kg.diff import Choices, diff
from kg.editing import Content
from kg.examine import SECONDS, examine
from kg.files import Format, read, write
from kg.load import MAX_REPORTED, GraphError
from kg.model import Graph
from kg.posterior import EntangledError
from kg.problems import Checked, Reader
from kg.tree import TreeError
from kg.trial import Result, TalkError, talk
from server.company import Company
from server.gateway.graph_cases import Cases
from server.gateway.graph_drafts import Draft, Drafts, graph_json, with_problems
from server.gateway.graph_live import LiveGraph
from server.gateway.graph_refusals import Refusal
from server.gateway.graph_versions import Version, Versions
from server.gateway.graph_words import Words
from server.gateway.upstream import Upstream
from server.settings import Settings
from server.storage.audit import Audit
from server.storage.database import create_engine, migrate
from server.storage.store import Store

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GraphService:
    """What the routes work with."""

    store: Store
    audit: Audit
    versions: Versions
    drafts: Drafts
    cases: Cases
    live: LiveGraph
    words: Words

    @classmethod
    def over(cls, store: Store, company: Company, audit: Audit, upstream: Upstream) -> Self:
        """The parts over one store."""
        versions = Versions(store, audit)
        symptoms = {name for one in company.intents.values() for name in one.symptoms}
        return cls(
            store=store,
            audit=audit,
            versions=versions,
            drafts=Drafts(versions, audit, symptoms),
            cases=Cases(store, audit),
            live=LiveGraph(versions, upstream),
            words=Words(upstream),
        )

    async def names(self) -> dict[str, str]:
        """What people are called, by user name."""
        return {person.username: person.name for person in await self.store.all_staff()}

    # ------------------------------------------------------------------ what a name stands for

    async def resolve(self, name: str) -> tuple[Content, Checked]:
        """A content in plain form and its graph, by `active`, a version's number or `draft:ID`.

        Raises:
            Refusal: `unknown`.
        """
        content = await self.content(name)
        return content, await asyncio.to_thread(Reader().check, content)

    async def content(self, name: str) -> Content:
        """A content in plain form, by the same names."""
        if name.startswith("draft:"):
            draft = await self.drafts.get(name.removeprefix("draft:"))
            async with draft.lock:
                plain = await asyncio.to_thread(draft.reader.plain, draft.content)
                return Content(plain, draft.content.layout)
        return await self.versions.content(
            (await self.versions.newest()).version if name == "active" else _number(name)
        )

    async def difference(self, before: str, after: str) -> list[Json]:
        """What leads from one content to another, by node."""
        old, new = await self.content(before), await self.content(after)
        changes = await asyncio.to_thread(diff, old.nodes, new.nodes)
        return [one.as_json() for one in changes]

    async def version(self, number: int) -> Json:
        """A version with its graph."""
        version, content = await self.versions.get(number), await self.versions.content(number)
        checked = await asyncio.to_thread(Reader().check, content)
        head = version.as_json(await self.names(), (await self.versions.newest()).version)
        return {**head, "graph": graph_json(content, checked, version.digest)}

    # ------------------------------------------------------------------ trying and testing

    async def attempt(self, name: str, symptom: str, answers: Sequence[Json]) -> Json:
        """Where a talk with a draft stands.

        Raises:
            Refusal: `unknown`, `unusable`, or `problems` where the draft's errors are in the way.
        """
        draft = await self.drafts.get(name)
        async with draft.lock:
            checked = await self.drafts.checked(draft)
            if symptom not in draft.content.nodes:
                raise Refusal("unknown", "unknown_node", {"name": symptom})
            knowledge = await self.drafts.knowledge(draft)
            errors = [one.as_json() for one in checked.errors]
            return await run_graph(errors, talk, knowledge, symptom, answers)

    async def read(self, name: str, symptom: str, answers: Sequence[Json], said: tuple[str, str]) -> Json:
        """What a customer's words, with their language, answer where a talk with a draft stands.

        Raises:
            Refusal: As for `attempt`.
        """
        draft = await self.drafts.get(name)
        async with draft.lock:
            checked = await self.drafts.checked(draft)
            if symptom not in draft.content.nodes:
                raise Refusal("unknown", "unknown_node", {"name": symptom})
            knowledge = await self.drafts.knowledge(draft)
        with refusing([one.as_json() for one in checked.errors]):
            return await self.words.read(knowledge, symptom, answers, said)

    async def test(self, name: str) -> list[Result]:
        """Every case on a draft.

        Raises:
            Refusal: `unknown`, `problems`.
        """
        draft = await self.drafts.get(name)
        async with draft.lock:
            return await self.cases.run(await self.drafts.compiled(draft))

    # ------------------------------------------------------------------ publishing

    async def publish(self, name: str, revision: int, message: str, override: str, author: str) -> Version:
        """Publishes a draft and waits until it is in service.

        Raises:
            Refusal: `changed`, `moved`, `problems`, `cases`, `unusable`, `unknown`.
        """
        draft = await self.drafts.get(name)
        async with draft.lock:
            knowledge = await self.drafts.ready(draft, revision, await self.names())
            failed = [one.as_json() for one in await self.cases.run(knowledge) if not one.passed]
            if failed and not override:
                raise Refusal("cases", "cases", {"count": len(failed)}, failed=failed)
            version = await self.drafts.publish(draft, message, author, override if failed else None)
        await self.live.refresh()
        return version

    async def roll_back(self, to: int, message: str, author: str) -> Version:
        """Publishes an earlier version's content again and waits until it is in service."""
        version = await self.versions.roll_back(to, message, author)
        await self.live.refresh()
        return version

    async def merge(self, name: str, revision: int, choices: Choices, author: str) -> Draft:
        """Takes what was published meanwhile into a draft."""
        draft = await self.drafts.get(name)
        await self.drafts.merge(draft, revision, choices, author, await self.names())
        return draft

    # ------------------------------------------------------------------ analysis, files, priors

    async def analysis(self, name: str, symptom: str) -> Json:
        """The fault tree of a symptom, looked at closely.

        Raises:
            Refusal: `unknown`, `problems`, `unusable` where it takes too long.
        """
        _, checked = await self.resolve(name)
        if symptom not in checked.graph.symptoms:
            raise Refusal("unknown", "unknown_node", {"name": symptom})
        try:
            return await run_graph(
                [one.as_json() for one in checked.errors], examine, Knowledge(checked.graph), symptom
            )  # fmt: skip
        except AnalysisLimitError:
            raise Refusal("unusable", "too_slow", {"seconds": int(SECONDS)}, problems=[]) from None

    async def export(self, name: str, kind: Format) -> bytes:
        """A version or a draft as a file.

        Raises:
            Refusal: `unknown`, `unusable` where it has errors.
        """
        content = await self.content(name)
        try:
            return await asyncio.to_thread(write, kind, content)
        except GraphError as error:
            raise unreadable(error) from None

    async def take_file(self, kind: Format, data: bytes, author: str, title: str) -> Draft:
        """A new draft with what a file holds.

        Raises:
            Refusal: `unusable`, `too_many`.
        """
        base = (await self.versions.newest()).version
        onto = await self.versions.content(base)
        try:
            content = await asyncio.to_thread(read, kind, data, onto)
        except GraphError as error:
            raise unreadable(error) from None
        if kind != "csv":
            content = Content(content.nodes, {**onto.layout, **content.layout})
        return await self.drafts.create(base, content, author, title)

    async def accept(self, name: str, revision: int, faults: Collection[str], author: str) -> Json:
        """Takes proposed priors into a draft.

        Raises:
            Refusal: `unknown` where one is not proposed, `changed`.
        """
        proposed = {one["fault"]: one["proposed"] for one in (await self.live.outcomes.proposals())["items"]}
        draft = await self.drafts.get(name)
        missing = next((one for one in faults if one not in proposed), None)
        if missing is not None:
            raise Refusal("unknown", "unknown_node", {"name": missing})
        wanted = [{"op": "set", "node": one, "path": ["prior"], "value": proposed[one]} for one in faults]
        return await self.drafts.change(draft, revision, wanted, author, await self.names())


async def publish_graph(
    settings: Settings, company: Company, graph: Graph, *, message: str, override: str, author: str
) -> Version:
    """Publishes a graph from outside of the gateway, under the same rules; running gateways follow.

    Raises:
        Refusal: As for a draft.
    """
    engine = create_engine(settings.database_url)
    await migrate(engine)
    store = Store(engine, lambda: datetime.now(UTC))
    audit = Audit(store, settings.secret_key())
    versions = Versions(store, audit)
    drafts, cases = Drafts(versions, audit, ()), Cases(store, audit)
    try:
        await versions.seed(company.kg_dir)
        base = (await versions.newest()).version
        content = Content(Content.of_graph(graph).nodes, (await versions.content(base)).layout)
        draft = await drafts.create(base, content, author, message[:200])
        try:
            async with draft.lock:
                knowledge = await drafts.ready(draft, 0, {})
                failed = [one for one in await cases.run(knowledge) if not one.passed]
                if failed and not override:
                    shown = [one.as_json() for one in failed]
                    raise Refusal("cases", "cases", {"count": len(failed)}, failed=shown)
                return await drafts.publish(draft, message, author, override if failed else None)
        except Refusal:
            await drafts.remove(draft.id, author)
            raise
    finally:
        await store.close()


def unreadable(error: GraphError) -> Refusal:
    """A file that cannot be used; `problems` are its places."""
    places = [{"node": "", "detail": one} for one in error.problems[:MAX_REPORTED]]
    return Refusal("unusable", "unreadable", {"detail": error.problems[0]}, problems=places)


async def run_graph(errors: list[Json], work: Callable[..., T], knowledge: Knowledge, *rest: Any) -> T:
    """Work on a graph that may have errors, in a thread.

    Raises:
        Refusal: `problems` where they are in the way, `unusable` where the rest is not written as it should be.
    """
    with refusing(errors):
        return await asyncio.to_thread(work, knowledge, *rest)


@contextmanager
def refusing(errors: list[Json]) -> Iterator[None]:
    """What goes wrong on a graph that may have errors, as a refusal.

    Raises:
        Refusal: `problems` where they are in the way, `unusable` where the rest is not written as it should be.
    """
    try:
        yield
    except TalkError as error:
        raise Refusal("unusable", "operation", {"detail": str(error)}, problems=[]) from None
    except (StateError, TreeError, EntangledError, KeyError) as error:
        if errors or isinstance(error, EntangledError):
            raise with_problems(errors) from None
        raise Refusal("unusable", "operation", {"detail": str(error)}, problems=[]) from None


def _number(name: str) -> int:
    if not name.isdecimal() or len(name) > 9:
        raise Refusal("unknown", "unknown_version", {"version": name[:20]})
    return int(name)
