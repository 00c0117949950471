"""Sentence vectors from the model service, kept for the wordings of the graph, and how near a text is to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from server.addresses import Addresses

log = logging.getLogger(__name__)

Vectors = NDArray[np.float32]

DEADLINE_S = 1.5
WARM_DEADLINE_S = 15.0
WARM_BATCH = 16
WARM_PAUSE_S = 0.05
RETRY_S = 5.0
_LONGEST = 500


class EmbeddingDownError(Exception):
    """Raise when no vectors could be had, whatever the cause."""


class Embed(Protocol):
    """Texts to vectors of length 1."""

    async def __call__(self, texts: Sequence[str], *, deadline_s: float) -> Vectors:
        """Vectors of some texts, shape (texts, width); raises `EmbeddingDownError`."""
        ...


class EmbedClient:
    """Asks ``POST /embed``. The HTTP client is the caller's, which closes it."""

    def __init__(self, http: httpx.AsyncClient, *base_urls: str) -> None:
        self._http = http
        self._addresses = Addresses(base_urls)

    async def __call__(self, texts: Sequence[str], *, deadline_s: float) -> Vectors:
        """Vectors of some texts, shape (texts, width).

        Raises:
            EmbeddingDownError: The service does not answer, not in time, or not as agreed.
        """
        address = self._addresses.order()[0]
        body = {"texts": [text[:_LONGEST] for text in texts], "query": True}
        try:
            response = await self._http.post(f"{address}/embed", json=body, timeout=deadline_s)
            response.raise_for_status()
            vectors = np.asarray(response.json()["vectors"], dtype=np.float32)
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            self._addresses.failed(address)
            raise EmbeddingDownError(f"embedding at {address}: {type(error).__name__}") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise EmbeddingDownError(f"embedding at {address}: {vectors.shape} for {len(texts)} texts")
        return vectors


class Nearness:
    """How near texts are in meaning to known wordings. Without vectors everything is equally far (0).

    So it is until all wordings that are being learnt are known: nearest among a part of them would be anything.
    """

    def __init__(self, embed: Embed | None) -> None:
        self._embed = embed
        self._known: dict[str, Vectors] = {}
        self._missing: set[str] = set()

    async def learn(self, texts: Sequence[str]) -> None:
        """Fetch the vectors of some wordings, a few at a time so that customers come first; retried until it works."""
        if self._embed is None:
            return
        left = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._missing.update(left)
        while left:
            part = left[:WARM_BATCH]
            try:
                vectors = await self._embed(part, deadline_s=WARM_DEADLINE_S)
            except EmbeddingDownError:
                await asyncio.sleep(RETRY_S)
                continue
            self.keep(part, vectors)
            left = left[WARM_BATCH:]
            await asyncio.sleep(WARM_PAUSE_S)

    def keep(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors of wordings that are at hand already."""
        self._known.update(zip(texts, vectors, strict=True))
        self._missing.difference_update(texts)

    async def of(self, texts: Sequence[str]) -> Near:
        """A comparison of some texts with the known wordings, within a turn's deadline."""
        wanted = [text for text in dict.fromkeys(texts) if text]
        if self._embed is None or self._missing or not self._known or not wanted:
            return Near({}, self._known)
        try:
            vectors = await self._embed(wanted, deadline_s=DEADLINE_S)
        except EmbeddingDownError as error:
            log.warning("%s", error)
            return Near({}, self._known)
        return Near(dict(zip(wanted, vectors, strict=True)), self._known)


class Near:
    """Cosine similarities of some texts with known wordings; what has no vector is 0."""

    def __init__(self, said: dict[str, Vectors], known: dict[str, Vectors]) -> None:
        self._said = said
        self._known = known

    def __call__(self, text: str, wordings: Sequence[str]) -> list[float]:
        """Similarities of one of the texts with each wording, -1 to 1."""
        vector: Any = self._said.get(text)
        if vector is None:
            return [0.0] * len(wordings)
        return [float(vector @ self._known[one]) if one in self._known else 0.0 for one in wordings]
