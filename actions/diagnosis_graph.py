"""The fault trees that diagnoses run on: each version compiled once per process, with its words and their vectors.

Which version a new diagnosis begins with stands in every turn; one under way goes on with its own. A version that is
not here is asked for, and comes with the turn's second attempt (`server.gateway.turns`), so that nothing has to be told
to an action server that was started anew, and those that nobody has used for long may go.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from actions.diagnosis_lexicon import Lexicon
from actions.embedding import Embed, Nearness
from kg import nodelink
from kg.compiled import Knowledge
from kg.load import GraphError, load
from kg.model import Graph
from kg.posterior import EntangledError

log = logging.getLogger(__name__)

KEPT: Final = 6
"""Versions kept besides the one that this process began with, those used last."""


@dataclass
class Version:
    """One version of the graph, ready for diagnoses."""

    knowledge: Knowledge
    lexicon: Lexicon

    @property
    def digest(self) -> str:
        """The graph's name."""
        return self.knowledge.graph.version


@dataclass
class Graphs:
    """The version that new diagnoses begin with, others that conversations are on, and nearness of meaning for all."""

    current: Version
    nearness: Nearness
    _others: OrderedDict[str, Version] = field(default_factory=OrderedDict)
    _arriving: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def load(cls, folder: Path | None, embed: Embed | None = None) -> Graphs:
        """Read and compile a company's fault trees; without a folder there are none.

        Raises:
            kg.load.GraphError: They cannot be used; the text names file, line and way out.
        """
        graph = Graph() if folder is None else load([folder])
        return cls(_version(graph), Nearness(embed))

    def get(self, version: str) -> Version | None:
        """A version by its digest, where this process has it."""
        if version == self.current.digest:
            return self.current
        if version in self._others:
            self._others.move_to_end(version)
        return self._others.get(version)

    def serving(self, version: str | None) -> Graphs:
        """The same versions, with another one for new diagnoses; unchanged where that one is not here."""
        wanted = self.get(version) if version else None
        if wanted is None or wanted is self.current:
            return self
        others = OrderedDict(self._others)
        others[self.current.digest] = self.current
        return Graphs(wanted, self.nearness, others, self._arriving, self._tasks)

    def missing(self, turn: Mapping[str, Any], *diagnoses: Any) -> list[str]:
        """Digests that a turn needs and this process lacks: of its parse, and of diagnoses that may go on.

        What came with the turn (``graphs`` of the parse) is never missing, even where it is no graph.
        """
        named = [turn.get("graph"), *(digest for one in diagnoses for digest in _digests(one))]
        sent = turn.get("graphs") or {}
        return list(
            dict.fromkeys(
                one for one in named if isinstance(one, str) and one and one not in sent and self.get(one) is None
            )
        )

    async def take(self, sent: Mapping[str, Any]) -> None:
        """Keep graphs that came with a turn or before one, as nodes by digest; what cannot be used is logged."""
        for digest, nodes in sent.items():
            if nodes is not None and self.get(digest) is None:
                try:
                    await self.add(digest, nodes)
                except (GraphError, EntangledError) as error:
                    log.error("version %s of the fault trees cannot be used:\n%s", digest, error)

    async def add(self, digest: str, nodes: Sequence[Any]) -> None:
        """Compile a version, in a thread so that running turns go on, and keep it. Asked twice at once, once done.

        Raises:
            GraphError: The nodes are no graph, or another than the digest says.
            EntangledError: One of its symptoms cannot be compiled.
        """
        if self.get(digest) is not None:
            return
        if digest in self._arriving:
            await asyncio.shield(self._arriving[digest])
            return
        done = self._arriving[digest] = asyncio.get_running_loop().create_future()
        try:
            before = next(reversed(self._others.values()), self.current)
            version = await asyncio.to_thread(_read, digest, nodes, before.knowledge)
            self._others[digest] = version
            while len(self._others) > KEPT:
                self._others.popitem(last=False)
        finally:
            del self._arriving[digest]
            done.set_result(None)
        self._warm(version)

    async def warm(self) -> None:
        """Fetch the vectors of all wordings; until they are there, answers are read by their words alone."""
        await self.nearness.learn(self.current.lexicon.texts())

    def _warm(self, version: Version) -> None:
        task = asyncio.create_task(self.nearness.learn(version.lexicon.texts()), name=f"warm {version.digest}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End the tasks that fetch vectors."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _read(digest: str, nodes: Sequence[Any], before: Knowledge) -> Version:
    graph = nodelink.read({"nodes": nodes})
    if graph.version != digest:
        raise GraphError([f"the graph is version {graph.version}, not {digest}; both sides must run the same release"])
    return _version(graph, before)


def _version(graph: Graph, before: Knowledge | None = None) -> Version:
    knowledge = Knowledge.after(graph, before)
    knowledge.compile_all()
    lexicon = Lexicon(graph)
    for facet in graph.facets:
        lexicon.facet(facet)
    _ = lexicon.fixes
    return Version(knowledge, lexicon)


def _digests(diagnosed: Any) -> Iterator[Any]:
    """The versions of a diagnosis' slot and of those that wait below it."""
    while isinstance(diagnosed, Mapping):
        engine = diagnosed.get("engine")
        if isinstance(engine, Mapping):
            yield engine.get("graph")
        diagnosed = diagnosed.get("below")
