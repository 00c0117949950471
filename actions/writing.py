"""Client of the model service's answers: a language model's words, checked there against the passages they cite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
from pydantic import BaseModel, ValidationError

from server.addresses import Addresses

_GRACE_S = 0.5
"""What the way to the model service and back may take."""
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Written:
    """An answer in a model's words; without ``text`` there is none, and ``note`` says why."""

    text: str = ""
    sources: tuple[int, ...] = ()
    """The passages that it rests on, counted from 0, in order."""
    note: dict[str, Any] = field(default_factory=dict)
    """For the decision record: ``model`` and ``dropped``, or ``refused`` or ``failed`` with the cause."""


class Writing(Protocol):
    """Who writes answers from passages. It never raises: what fails is answered by the passage itself."""

    async def answer(self, question: str, language: str, passages: Sequence[str], manner: str = "") -> Written:
        """An answer to a question that rests on the passages; `manner`: how to write it, where not as usual."""
        ...


class _Sentence(BaseModel):
    source: int


class _Answer(BaseModel):
    text: str
    sentences: list[_Sentence]
    dropped: int
    model: str


class WritingClient:
    """Asks ``POST /answer``. The HTTP client is the caller's, which closes it."""

    def __init__(self, http: httpx.AsyncClient, *base_urls: str, deadline_s: float) -> None:
        self._http = http
        self._addresses = Addresses(base_urls)
        self._deadline_s = deadline_s + _GRACE_S

    async def answer(self, question: str, language: str, passages: Sequence[str], manner: str = "") -> Written:
        """An answer to a question that rests on the passages; `manner`: how to write it, where not as usual."""
        address = self._addresses.order()[0]
        asked = {
            "question": question[:_LONGEST],
            "language": language,
            "passages": [passage[:_LONGEST] for passage in passages],
            "manner": manner,
        }
        try:
            response = await self._http.post(f"{address}/answer", json=asked, timeout=self._deadline_s)
            found = response.json()
            if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                return Written(note={"failed": str(found["error"])})
            response.raise_for_status()
            if "refused" in found:
                return Written(note={"model": str(found["model"]), "refused": str(found["refused"])})
            answer = _Answer.model_validate(found)
            sources = tuple(dict.fromkeys(sentence.source for sentence in answer.sentences))
            if not answer.text or not sources or not all(0 <= one < len(passages) for one in sources):
                return Written(note={"failed": "nonsense"})
        except httpx.TimeoutException:
            return Written(note={"failed": "deadline"})
        except httpx.HTTPStatusError:
            return Written(note={"failed": "refused"})
        except httpx.HTTPError:
            self._addresses.failed(address)
            return Written(note={"failed": "unreachable"})
        except (ValidationError, ValueError, KeyError, TypeError):
            return Written(note={"failed": "nonsense"})
        return Written(answer.text, sources, {"model": answer.model, "dropped": answer.dropped})
