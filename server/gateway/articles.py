"""Help articles as pages: Markdown to HTML that cannot carry script, and a plain search over titles and texts."""

import re
from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt

from server.company import Article

_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS = {
    "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "code", "pre", "blockquote", "a", "hr", "br",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_WORDS = re.compile(r"[A-Za-z0-9]+|[\u3400-\u9fff]")
_TITLE_WEIGHT, _SUMMARY_WEIGHT = 5, 2


def render_markdown(text: str) -> str:
    """The article's body as HTML with harmless elements only."""
    return nh3.clean(_markdown.render(text), tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"})


def search(articles: Sequence[Article], query: str) -> list[Article]:
    """The articles that have words of the query, those with most of them in the title first."""
    words = [word.lower() for word in _WORDS.findall(query)]
    scored = [(sum(_score(article, word) for word in words), article) for article in articles]
    return [article for score, article in sorted(scored, key=lambda pair: -pair[0]) if score > 0]


def _score(article: Article, word: str) -> int:
    return (
        _TITLE_WEIGHT * (word in article.title.lower())
        + _SUMMARY_WEIGHT * (word in article.summary.lower())
        + (word in article.markdown.lower())
    )
