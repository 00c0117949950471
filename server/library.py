"""The help articles as one library: what an article is, what is wrong with one, what differs, and files in and out.

Plain values throughout, as the database keeps them and the console sends them. An article is
``{"texts": {LANGUAGE: {"title", "category", "summary", "markdown"}}, "intents": [name …]}``; a library maps ids to
articles. Nothing here talks to a database or a service.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import yaml

from server.company import Article, Definition, Language

Json = dict[str, Any]
Library = Mapping[str, Json]

FIELDS: Final = ("title", "category", "summary", "markdown")
LONGEST: Final = {"title": 200, "category": 60, "summary": 600, "markdown": 60_000}
"""Characters of each field."""
MOST_ARTICLES: Final = 5_000
MOST_INTENTS: Final = 50
ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Control characters but tab and line end, and halves of characters.
_NEVER_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_LINK: Final = re.compile(r"\]\(\s*<?(/help/([^)\s>#?]+)|(?!https?:|mailto:|tel:|/|#)([^)\s>]+))")


class ArticleError(ValueError):
    """What was sent can be no article; the message names the field."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an article. Errors keep it from being published, warnings do not.

    ``key`` is its sentence in the message catalogues (table ``library``); ``language`` is empty where it is about the
    whole article.
    """

    key: str
    severity: str
    article: str
    language: str = ""
    field: str = ""
    params: tuple[tuple[str, str], ...] = ()


def read_article(given: Any) -> Json:
    """An article from what somebody sent, trimmed, in the order in which it is compared.

    A language without any text is left out.

    Raises:
        ArticleError: It has another shape, or a field is too long.
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("texts"), Mapping):
        raise ArticleError("an article has texts, by language")
    texts: Json = {}
    for language in ("zh", "en"):
        text = given["texts"].get(language)
        if text is None:
            continue
        if not isinstance(text, Mapping):
            raise ArticleError(f"texts.{language}: expected title, category, summary and markdown")
        fields = {name: _field(text.get(name, ""), f"texts.{language}.{name}", LONGEST[name]) for name in FIELDS}
        if any(fields.values()):
            texts[language] = fields
    unknown = set(given["texts"]) - {"zh", "en"}
    if unknown:
        raise ArticleError(f"texts.{min(map(str, unknown))}: articles are in zh and en")
    intents = given.get("intents", [])
    if not isinstance(intents, Sequence) or isinstance(intents, str) or len(intents) > MOST_INTENTS:
        raise ArticleError(f"intents: expected a list of at most {MOST_INTENTS} names")
    return {"texts": texts, "intents": list(dict.fromkeys(_field(one, "intents", 64) for one in intents))}


def _field(value: Any, place: str, longest: int) -> str:
    if not isinstance(value, str):
        raise ArticleError(f"{place}: expected text")
    clean = _NEVER_TEXT.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(clean) > longest:
        raise ArticleError(f"{place}: has {len(clean)} characters, {longest} are allowed")
    return clean


def digest(library: Library) -> str:
    """The name of a library's content, the same everywhere."""
    return hashlib.sha256(orjson.dumps(dict(library), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


# ---------------------------------------------------------------- a company's files


def of_company(articles: Iterable[Article]) -> dict[str, Json]:
    """The library that a company's files hold."""
    library: dict[str, Json] = {}
    for one in articles:
        article = library.setdefault(one.id, {"texts": {}, "intents": []})
        text = {"title": one.title, "category": one.category, "summary": one.summary, "markdown": one.markdown}
        article["texts"][one.language] = text
        article["intents"] = [*article["intents"], *(name for name in one.intents if name not in article["intents"])]
    return {name: read_article(article) for name, article in sorted(library.items())}


def as_articles(library: Library, languages: Sequence[Language]) -> tuple[Article, ...]:
    """The articles as pages show them, by language, then by id."""
    return tuple(
        Article(id=name, language=language, intents=tuple(article["intents"]), **article["texts"][language])
        for language in languages
        for name, article in sorted(library.items())
        if language in article["texts"]
    )


def as_files(library: Library) -> Iterator[tuple[str, str]]:
    """Relative paths and texts of the files ``LANGUAGE/ID.md`` that hold a library; a company reads them back alike."""
    for name, article in sorted(library.items()):
        for language, text in article["texts"].items():
            front: Json = {"title": text["title"]}
            front |= {field: text[field] for field in ("category", "summary") if text[field]}
            lines = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=1000)
            if article["intents"]:
                lines += f"intents: [{', '.join(article['intents'])}]\n"
            yield f"{language}/{name}.md", f"---\n{lines}---\n\n{text['markdown']}\n"


# ---------------------------------------------------------------- problems


def problems_of(
    name: str,
    article: Json | None,
    *,
    others: Collection[str],
    languages: Sequence[str],
    intents: Mapping[str, Definition],
) -> list[Problem]:
    """What is wrong with one article (None: it is to be removed) in a library with the ids ``others``, its own too."""
    found: list[Problem] = []
    if article is None:
        needed = sorted(one.name for one in intents.values() if name in one.articles)
        return [Problem("intent_needs", "warning", name, params=(("intent", one),)) for one in needed]
    if not ID.fullmatch(name):
        found.append(Problem("bad_id", "error", name))
    if not any(article["texts"].get(language) for language in languages):
        return [*found, Problem("no_text", "error", name)]
    for language in languages:
        text = article["texts"].get(language)
        if text is None:
            found.append(Problem("no_translation", "warning", name, language))
            continue
        found += [
            Problem(f"no_{field}", severity, name, language, field)
            for field, severity in (("title", "error"), ("markdown", "error"), ("summary", "warning"))
            if not text[field]
        ]
        found += [
            Problem("dead_link", "warning", name, language, "markdown", (("link", link[:80]),))
            for link in dict.fromkeys(_dead_links(text["markdown"], others))
        ]
    found += [
        Problem("unknown_intent", "warning", name, field="intents", params=(("intent", one),))
        for one in article["intents"]
        if one not in intents
    ]
    return found


def missing_articles(library: Collection[str], intents: Mapping[str, Definition]) -> list[Problem]:
    """Intents that name an article which the library does not have."""
    return [
        Problem("gone", "warning", article, params=(("intent", one.name),))
        for one in intents.values()
        for article in one.articles
        if article not in library
    ]


def _dead_links(markdown: str, ids: Collection[str]) -> Iterator[str]:
    """Links to articles that do not exist, and relative ones, which lead nowhere from a help page."""
    for found in _LINK.finditer(markdown):
        if found[3] is not None or found[2].rstrip("/") not in ids:
            yield found[1]


# ---------------------------------------------------------------- what differs


def change_of(before: Json | None, after: Json | None) -> str:
    """``added``, ``removed``, ``changed``, or empty where both are alike."""
    if before == after:
        return ""
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def fields_changed(before: Json | None, after: Json | None) -> list[Json]:
    """``{"path": [part …], "before"?, "after"?}`` for every field that differs; a missing side has no such key."""
    found = []
    for path in [*((language, field) for language in ("zh", "en") for field in FIELDS), ("intents",)]:
        old, new = _at(before, path), _at(after, path)
        if old != new:
            sides = {name: value for name, value in (("before", old), ("after", new)) if value}
            found.append({"path": list(path), **sides})
    return found


def _at(article: Json | None, path: Sequence[str]) -> str:
    if article is None:
        return ""
    if len(path) == 1:
        return ", ".join(article["intents"])
    return str(article["texts"].get(path[0], {}).get(path[1], ""))


def difference(before: Library, after: Library) -> list[Json]:
    """``{"id", "change", "title": {LANGUAGE: …}, "fields"}`` for every article that differs, by id."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if change := change_of(old, new):
            found.append({"id": name, "change": change, "title": title(new or old), "fields": fields_changed(old, new)})
    return found


def title(article: Json | None) -> dict[str, str]:
    """An article's title in both languages; one stands for the other where that has none."""
    texts = (article or {}).get("texts", {})
    own = {language: text["title"] for language, text in texts.items() if text["title"]}
    return {language: own.get(language) or next(iter(own.values()), "") for language in ("zh", "en")}
