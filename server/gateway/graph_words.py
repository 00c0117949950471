"""What a customer's own words would answer in a talk with a draft, read with the code of the real chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.compiled import Knowledge
from kg.model import Who
from kg.trial import meant, standing
from server.gateway.upstream import Upstream, UpstreamError

if TYPE_CHECKING:
    from actions.diagnosis_lexicon import Lexicon

Json = dict[str, Any]
logger = logging.getLogger(__name__)
BATCH = 32
MOST = 256
"""Wordings that are compared by meaning; the checks of the demo company have some dozens."""


class Words:
    """Reads words on graphs; keeps the lexicon of the graph that was read on last."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._last: tuple[Knowledge, Lexicon] | None = None

    async def read(self, knowledge: Knowledge, symptom: str, answers: Sequence[Json], said: tuple[str, str]) -> Json:
        """``answers`` with labels that the words (text, language) give, and whether their meaning was ``compared``.

        Raises:
            TalkError, StateError: As for a talk.
        """
        # The words of the dialogue are loaded with the first question and not with every gateway.
        from actions.diagnosis_meant import Wanted, read_words  # noqa: PLC0415
        from actions.embedding import Near  # noqa: PLC0415

        lexicon = await asyncio.to_thread(self._lexicon, knowledge)
        _, step = await asyncio.to_thread(standing, knowledge, symptom, answers)
        if step.kind not in {"check", "fix", "confirm"} or step.who is not Who.CUSTOMER:
            return {"answers": [], "compared": True}
        wanted = Wanted()
        read = await asyncio.to_thread(read_words, lexicon, symptom, step, said, wanted)
        compared = True
        if wanted.texts:
            try:
                vectors = await self._vectors(list(wanted.texts)[:MOST])
                near = Near(vectors, vectors)
                read = await asyncio.to_thread(read_words, lexicon, symptom, step, said, near)
            except UpstreamError as error:
                logger.warning("words in a draft: %s; read by the words alone", error)
                compared = False
        return {"answers": meant(knowledge, symptom, answers, read), "compared": compared}

    def _lexicon(self, knowledge: Knowledge) -> Lexicon:
        from actions.diagnosis_lexicon import Lexicon  # noqa: PLC0415 (as above)

        if self._last is None or self._last[0] is not knowledge:
            self._last = (knowledge, Lexicon(knowledge.graph))
        return self._last[1]

    async def _vectors(self, texts: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for first in range(0, len(texts), BATCH):
            part = texts[first : first + BATCH]
            found |= {
                text: np.asarray(vector, np.float32)
                for text, vector in zip(part, await self._upstream.embed(part), strict=True)
            }
        return found
