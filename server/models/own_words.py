"""Everything that a company writes in Chinese, for putting right what was heard: `server.speech.homophones`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from server.company import Company
from server.nlu.data import DataError, load
from server.texts import catalogue

log = logging.getLogger(__name__)

_MARKUP = re.compile(r"\]\([^)]*\)|[*_`#>\[\]|]")


def chinese_texts(company: Company) -> Iterator[str]:
    """Examples of intents, values of entities, articles, and what the assistant says, sentence by sentence."""
    if "zh" not in company.languages:
        return
    folder = company.nlu_dir / "zh"
    try:
        if folder.is_dir():
            yield from (example.text for example in load([folder]).examples)
        kinds = company.entity_kinds
    except DataError as error:  # the training names it too; voice goes on with the other words
        log.warning("voice: %s", error)
        kinds = {}
    for kind in kinds.values():
        for values in kind.values.values():
            yield from values
    for article in company.articles:
        if article.language == "zh":
            yield from (article.title, article.summary, *_MARKUP.sub("", article.markdown).splitlines())
    yield from catalogue("zh").values()
