"""Client of the model service's search over the help articles."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
from pydantic import BaseModel, ValidationError

from server.addresses import Addresses

SEARCH_DEADLINE_S = 2.0
_ATTEMPTS = 2
_LONGEST_QUERY = 1000


class RetrievalDownError(Exception):
    """Raise when no search result could be had, whatever the cause."""


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
    """Asks ``POST /search``. The HTTP client is the caller's, which closes it."""

    def __init__(self, http: httpx.AsyncClient, *base_urls: str) -> None:
        self._http = http
        self._addresses = Addresses(base_urls)

    async def search(self, query: str, language: str, k: int, articles: Sequence[str] = ()) -> Found:
        """Search the articles, all of them or the named ones.

        Raises:
            RetrievalDownError: The service does not answer, not in time, or not as agreed.
        """
        body: dict[str, object] = {"query": query[:_LONGEST_QUERY], "language": language, "k": k}
        if articles:
            body["articles"] = list(articles)
        order = self._addresses.order()
        for attempt in range(_ATTEMPTS):
            address = order[attempt % len(order)]
            try:
                response = await self._http.post(f"{address}/search", json=body, timeout=SEARCH_DEADLINE_S)
                response.raise_for_status()
                return Found.model_validate(response.json())
            except httpx.ConnectError as error:
                if attempt + 1 == _ATTEMPTS:
                    raise RetrievalDownError(f"search at {address}: {type(error).__name__}") from error
                self._addresses.failed(address)
            except (httpx.HTTPError, ValidationError, ValueError) as error:
                raise RetrievalDownError(f"search at {address}: {type(error).__name__}") from error
        raise AssertionError("every attempt returns or raises")
