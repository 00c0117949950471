"""Client of the model service's search over the help articles."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from server.addresses import Addresses

SEARCH_DEADLINE_S = 2.0
TEACH_DEADLINE_S = 10.0
BODIES_KEPT = 2
"""Libraries kept to tell a model service that was started anew: the one in service and the one before."""
_ATTEMPTS = 2
_LONGEST_QUERY = 1000


class RetrievalDownError(Exception):
    """Raise when no search result could be had, whatever the cause."""


class LibraryNeededError(Exception):
    """The search is for help articles that neither the service nor this process has; a turn has to bring them."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


class Passage(BaseModel):
    """A piece of a help article and where it stands."""

    article: str
    title: str
    passage: str
    url: str
    language: str = "zh"
    score: float = 0.0


class Found(BaseModel):
    """What a search found, best first; ``confident`` false means that none of it answers the question."""

    passages: list[Passage] = []
    confident: bool = False


class SearchClient:
    """Asks ``POST /search``. The HTTP client is the caller's, which closes it.

    Which articles are searched stands in every turn, as a digest (`serving`). A model service that lacks them answers
    409 and is told; what to tell it comes with the turn's second attempt and is kept for the next time.
    """

    def __init__(self, http: httpx.AsyncClient, *base_urls: str) -> None:
        self._http = http
        self._addresses = Addresses(base_urls)
        self._digest: str | None = None
        self._bodies: OrderedDict[str, Any] = OrderedDict()

    def serving(self, digest: str | None, sent: Mapping[str, Any] | None = None) -> SearchClient:
        """The same client for one turn: in the articles of this digest. ``sent``: what came along, by digest."""
        for name, articles in (sent or {}).items():
            if isinstance(articles, Mapping):
                self._bodies[name] = articles
                while len(self._bodies) > BODIES_KEPT:
                    self._bodies.popitem(last=False)
        found = copy.copy(self)
        found._digest = digest
        return found

    async def search(self, query: str, language: str, k: int, articles: Sequence[str] = ()) -> Found:
        """Search the articles, all of them or the named ones.

        Raises:
            RetrievalDownError: The service does not answer, not in time, or not as agreed.
            LibraryNeededError: It lacks the articles that the turn is for, and so does this process.
        """
        body: dict[str, object] = {"query": query[:_LONGEST_QUERY], "language": language, "k": k}
        if articles:
            body["articles"] = list(articles)
        if self._digest:
            body["library"] = self._digest
        order = self._addresses.order()
        for attempt in range(_ATTEMPTS):
            address = order[attempt % len(order)]
            try:
                response = await self._ask(address, body)
                response.raise_for_status()
                return Found.model_validate(response.json())
            except httpx.ConnectError as error:
                if attempt + 1 == _ATTEMPTS:
                    raise RetrievalDownError(f"search at {address}: {type(error).__name__}") from error
                self._addresses.failed(address)
            except (httpx.HTTPError, ValidationError, ValueError) as error:
                raise RetrievalDownError(f"search at {address}: {type(error).__name__}") from error
        raise AssertionError("every attempt returns or raises")

    async def _ask(self, address: str, body: dict[str, object]) -> httpx.Response:
        """The service's answer; one that lacks the articles is told them first."""
        response = await self._http.post(f"{address}/search", json=body, timeout=SEARCH_DEADLINE_S)
        if response.status_code != httpx.codes.CONFLICT or self._digest is None:
            return response
        if self._digest not in self._bodies:
            raise LibraryNeededError(self._digest)
        told = {"digest": self._digest, "articles": self._bodies[self._digest]}
        (await self._http.put(f"{address}/articles", json=told, timeout=TEACH_DEADLINE_S)).raise_for_status()
        return await self._http.post(f"{address}/search", json=body, timeout=SEARCH_DEADLINE_S)
