"""The fault trees that diagnoses run on: each version compiled once per process, with its words and their vectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from actions.diagnosis_lexicon import Lexicon
from actions.embedding import Embed, Nearness
from kg.compiled import Knowledge
from kg.load import load


@dataclass
class Version:
    """One version of the graph, ready for diagnoses."""

    knowledge: Knowledge
    lexicon: Lexicon


@dataclass
class Graphs:
    """The version in use, earlier ones that conversations began with, and nearness of meaning for all of them."""

    current: Version
    nearness: Nearness
    _earlier: dict[str, Version] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, embed: Embed | None = None) -> Graphs:
        """Read and compile a company's fault trees.

        Raises:
            kg.load.GraphError: They cannot be used; the text names file, line and way out.
        """
        return cls(_version(Knowledge(load([folder]))), Nearness(embed))

    def get(self, version: str) -> Version | None:
        """The version that a diagnosis began with, where this process still has it."""
        if version == self.current.knowledge.graph.version:
            return self.current
        return self._earlier.get(version)

    def use(self, knowledge: Knowledge) -> None:
        """Begin new diagnoses on another version; what began on an earlier one stays with it."""
        self._earlier[self.current.knowledge.graph.version] = self.current
        self.current = _version(knowledge)

    async def warm(self) -> None:
        """Fetch the vectors of all wordings; until they are there, answers are read by their words alone."""
        await self.nearness.learn(self.current.lexicon.texts())


def _version(knowledge: Knowledge) -> Version:
    knowledge.compile_all()
    lexicon = Lexicon(knowledge.graph)
    for facet in knowledge.graph.facets:
        lexicon.facet(facet)
    _ = lexicon.fixes
    return Version(knowledge, lexicon)
