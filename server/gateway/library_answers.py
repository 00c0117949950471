"""What the bot would answer to a question from some articles: the real dialogue, asked with another library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from actions.answers import PASSAGES
from actions.dialogue import respond
from actions.ports import Accounts, Ports, with_controls
from actions.retrieval import Found
from actions.state import State
from actions.turn import FALLBACK_INTENT, Decision, read_turn
from server.company import Company, Definition
from server.gateway.upstream import Upstream
from server.library import digest
from server.texts import render_message

Json = dict[str, Any]


class _Search:
    """The search in one library; what it found last is kept to be shown."""

    def __init__(self, upstream: Upstream, library: Mapping[str, Json]) -> None:
        self._upstream, self._library, self._digest = upstream, library, digest(library)
        self.found: Found | None = None

    async def search(self, query: str, language: str, k: int, articles: Sequence[str] = ()) -> Found:
        limit: Json = {"articles": list(articles)} if articles else {}
        given = await self._upstream.search(
            query, language, k, digest=self._digest, library=dict(self._library), **limit
        )
        self.found = Found.model_validate(given)
        return self.found


async def answer_from(
    library: Mapping[str, Json],
    question: str,
    locale: str,
    parse: Json,
    *,
    company: Company,
    upstream: Upstream,
    accounts: Accounts,
    now: datetime,
) -> Json:
    """What a customer would be told who asks this first: ``does``, ``text``, ``passages`` with scores, ``confident``.

    ``does`` is the kind of intent (``answer``, ``diagnose`` …) or ``fallback`` where the question was not understood.
    What is neither answered from articles nor looked for there is not carried out; the passages are shown all the same.

    Raises:
        UpstreamError: The model service is away, slow or refuses.
    """
    definition = understood(company, parse)
    decision: Decision = definition.do if definition else "fallback"
    search = _Search(upstream, library)
    said: list[str] = []
    cited: list[Json] = []
    if decision in ("answer", "fallback"):
        seen = parse["intent"]["name"] if definition else FALLBACK_INTENT
        metadata = {"parse": parse, "locale": locale, "turn": 1, "conversation": "preview"}
        latest = {"text": question, "intent": {"name": seen}, "metadata": metadata}
        turn = read_turn(decision, latest, conversation="preview", now=now)
        ports = Ports(accounts=accounts, retrieval=search, intents=with_controls(company.intents))
        for message in (await respond(turn, State(), ports)).messages:
            text, extra = render_message(message, locale)
            said.append(text)
            cited += extra.get("citations", [])
    found = search.found or await search.search(question, locale, PASSAGES)
    return {
        "does": decision,
        "text": "\n\n".join(said),
        "cited": [one["url"].removeprefix("/help/") for one in cited],
        "confident": found.confident,
        "passages": [one.model_dump() for one in found.passages],
    }


def understood(company: Company, parse: Json) -> Definition | None:
    """The intent that a parse stands for; None where it is not sure enough, as Rasa's fallback classifier decides."""
    ranking = parse.get("intent_ranking") or []
    confidence = float(parse["intent"]["confidence"])
    close = len(ranking) > 1 and float(ranking[0]["confidence"]) - float(ranking[1]["confidence"]) < float(
        parse.get("ambiguity", 0.0)
    )
    return (
        None if close or confidence < float(parse["threshold"]) else company.intents.get(str(parse["intent"]["name"]))
    )
