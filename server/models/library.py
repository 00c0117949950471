"""The published help articles as search indexes: built from what the gateway sends, by the digest of their content.

What training learnt about scores (the spread of cosines, when to be confident) comes from the release; the passages
come from the articles in service. A passage is embedded once: an index of a new version takes the vectors of what has
not changed from those that are there, at first from the release's own index.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from kg.retrieval import Array, Embed, Index, Passage, Result, split_article

KEPT: Final = 6
"""Libraries kept at once, those used last: the one in service, the one before, drafts that are tried."""
VECTORS_KEPT: Final = 12_000
"""Vectors kept beside those of the kept libraries; 3.5 KB each."""
_BATCH: Final = 8
"""Passages embedded in one go: customers' messages are read in between."""

Library = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Learnt:
    spread: Mapping[str, tuple[float, float]]
    gate: Sequence[float]


class Libraries:
    """Indexes by digest. Embedding and searching run in the models' thread, the rest in the event loop's and others."""

    def __init__(self, embed: Embed, executor: Executor) -> None:
        self._embed, self._executor = embed, executor
        self._learnt = _Learnt({}, [])
        self._vectors: OrderedDict[str, Array] = OrderedDict()
        self._known: OrderedDict[str, tuple[Index | None, frozenset[str]]] = OrderedDict()
        self._adding = asyncio.Lock()
        self._looking = threading.Lock()

    def load(self, folder: Path, trained: Index) -> None:
        """Take what training learnt and embedded from a release's index, which `Index.load` has checked."""
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self._learnt = _Learnt(
            {language: (mean, deviation) for language, (mean, deviation) in manifest["spread"].items()},
            manifest["gate"],
        )
        rows = np.load(folder / "vectors.npy").astype(np.float32)
        self._vectors.update((one.searched, row) for one, row in zip(trained.passages, rows, strict=True))

    def knows(self, digest: str) -> bool:
        """Whether a library can be searched."""
        return digest in self._known

    def search(
        self, digest: str, query: str, language: str, k: int, articles: Sequence[str] | None = None
    ) -> Result | None:
        """As `Index.search`, in one library; None where it is not here."""
        if digest not in self._known:
            return None
        self._known.move_to_end(digest)
        index = self._known[digest][0]
        return (
            Result((), confident=False, probability=0.0)
            if index is None
            else index.search(query, language, k, articles)
        )

    async def add(self, digest: str, library: Library) -> int:
        """Make a library searchable; answers how many passages had to be embedded. Asked twice at once, once done."""
        async with self._adding:
            if digest in self._known:
                return 0
            passages = await asyncio.to_thread(passages_of, library)
            new = list(dict.fromkeys(one.searched for one in passages if one.searched not in self._vectors))
            loop = asyncio.get_running_loop()
            for first in range(0, len(new), _BATCH):
                batch = new[first : first + _BATCH]
                rows = await loop.run_in_executor(self._executor, self._embedding(batch))
                self._vectors.update(zip(batch, rows, strict=True))
            # Built beside the models' thread: it is a tenth of a second for a thousand passages.
            index = await asyncio.to_thread(self._index, passages) if passages else None
            with self._looking:
                self._known[digest] = (index, frozenset(one.searched for one in passages))
                self._forget()
            return len(new)

    def _embedding(self, texts: list[str]) -> Callable[[], Array]:
        return lambda: self._embed(texts, query=False)

    def _index(self, passages: list[Passage]) -> Index:
        vectors = np.stack([self._vectors[one.searched] for one in passages])
        return Index(passages, vectors, self._embed, spread=self._learnt.spread, gate=self._learnt.gate)

    def _forget(self) -> None:
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        needed = frozenset().union(*(texts for _, texts in self._known.values()))
        spare = [text for text in self._vectors if text not in needed]
        for text in spare[: max(len(spare) - VECTORS_KEPT, 0)]:
            del self._vectors[text]


def passages_of(library: Library) -> list[Passage]:
    """The passages of a library, cut as training cuts them; an article in no language has none."""
    return [
        passage
        for name, article in sorted(library.items())
        for language, text in article["texts"].items()
        for passage in split_article(
            name,
            title=text["title"],
            summary=text["summary"],
            markdown=text["markdown"],
            language=language,
            url=f"/help/{name}",
        )
    ]
