"""Help articles as pages: Markdown to HTML that cannot carry script, and a plain search over titles and texts."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import nh3
from markdown_it import MarkdownIt

from server.company import Article

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS = {
    "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "a", "hr", "br",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_WORDS = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z0-9])")
_TITLE_WEIGHT, _SUMMARY_WEIGHT, _BODY_WEIGHT = 5, 2, 1
# Added to the number of articles with a term: what stands in one article by chance does not outweigh all else.
_SMOOTHING = 5
# Of the weight of all terms; an article that has less fits by accident.
_LEAST_SHARE = 0.45
_SHORT = 2
_Fields = tuple[str, ...]


def render_markdown(text: str) -> str:
    """The article's body as HTML with harmless elements only."""
    return nh3.clean(_markdown.render(text), tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"})


def search(articles: Sequence[Article], query: str) -> list[Article]:
    """The articles that have most of what the query asks for, best first.

    Terms are words, and pairs of neighbouring characters in Chinese, which puts no spaces between its words. A word may
    go on in the article (``bill`` finds ``bills``). Rare terms count for more (inverse document frequency), and a place
    in the title for more than one in the text.
    """
    fields = [tuple(_normal(part) for part in (one.title, one.summary, one.markdown)) for one in articles]
    weights = _weights(fields, dict.fromkeys(_terms(_normal(query))))
    scored = [(_score(field, weights), article) for field, article in zip(fields, articles, strict=True)]
    return [article for score, article in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _normal(text: str) -> str:
    """Lower-case words with spaces around each, ``Wi-Fi`` and ``WiFi`` alike."""
    return f" {' '.join(_WORDS.findall(_HYPHEN.sub('', text.lower())))} "


def _terms(text: str) -> Iterator[str]:
    for word in text.split():
        if word.isascii():
            # A word begins where a word of the article begins, and the shortest ("I", "5G") end there too.
            yield f" {word}" if len(word) > _SHORT else f" {word} "
        elif len(word) == 1:
            yield word
        else:
            yield from (word[at : at + 2] for at in range(len(word) - 1))


def _weights(fields: Sequence[_Fields], terms: Iterable[str]) -> dict[str, float]:
    weights = {}
    for term in terms:
        having = sum(any(term in part for part in field) for field in fields)
        # What no article has says nothing: two Chinese characters may be the joint between two words.
        if having:
            weights[term] = math.log(1 + len(fields) / (having + _SMOOTHING))
    return weights


def _score(field: _Fields, weights: Mapping[str, float]) -> float:
    """Zero where the article has too little of what was asked."""
    title, summary, body = field
    found, score = 0.0, 0.0
    for term, weight in weights.items():
        places = _TITLE_WEIGHT * (term in title) + _SUMMARY_WEIGHT * (term in summary) + _BODY_WEIGHT * (term in body)
        found += weight * (places > 0)
        score += weight * places
    return score if found >= _LEAST_SHARE * sum(weights.values()) else 0
