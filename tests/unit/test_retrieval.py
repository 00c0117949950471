"""Search with a small embedding whose arithmetic is plain: shared words make texts similar."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.retrieval import Index, Passage, Question, RetrievalError, plain, split_article, terms

ROAMING = """Roaming is off at first.

## Prices
A day costs **18 to 58 CNY**. See [the list](https://example.com).

| Zone | Price |
|---|---|
| 1 | 18 |

## Switching it on
1. Open the app.
2. Tap **Roaming**.
"""
WIFI = "## Name and password\nOpen 192.168.1.1 and change the wifi name or the wifi password.\n"


def _hashed(texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
    """Bags of search terms hashed to 64 dimensions."""
    rows = np.full((len(texts), 64), 1e-3, np.float32)
    for i, text in enumerate(texts):
        for term in terms(text):
            rows[i, sum(map(ord, term)) % 64] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _article(name: str, title: str, markdown: str, language: str, summary: str = "") -> list[Passage]:
    return split_article(name, title=title, summary=summary, markdown=markdown, language=language, url=f"/help/{name}")


def _passages() -> list[Passage]:
    return [
        *_article("roaming", "Roaming prices", ROAMING, "en", "Day passes for 18 to 58 CNY."),
        *_article("roaming", "漫游资费", "## 价格\n漫游日包每天 18 到 58 元。\n", "zh", "漫游日包的价格。"),
        *_article("wifi", "Change the wifi password", WIFI, "en"),
    ]


QUESTIONS = [
    Question("what does roaming cost for a day", "en", frozenset({"roaming"})),
    Question("roaming prices", "en", frozenset({"roaming"})),
    Question("change my wifi password", "en", frozenset({"wifi"})),
    Question("wifi name", "en", frozenset({"wifi"})),
    Question("漫游价格", "zh", frozenset({"roaming"})),
    Question("tell me a joke about elephants", "en", frozenset()),
    Question("cook dumplings quickly", "en", frozenset()),
    Question("讲个笑话", "zh", frozenset()),
]


@pytest.fixture
def index() -> Index:
    return Index.build(_passages(), _hashed, QUESTIONS)


def test_an_article_becomes_its_opening_and_its_sections() -> None:
    found = _article("roaming", "Roaming prices", ROAMING, "en", "Day passes.")
    assert [p.searched.split("\n")[1] for p in found] == [
        "Day passes.",
        "Roaming is off at first.",
        "Prices",
        "Switching it on",
    ]
    assert found[2].text == "A day costs 18 to 58 CNY. See the list.\nZone — Price\n1 — 18"


def test_a_summary_or_introduction_finds_the_section_that_helps() -> None:
    summary, introduction, *sections = _article("roaming", "Roaming prices", ROAMING, "en", "Day passes.")
    assert summary.shown == introduction.shown == f"Roaming is off at first.\n{sections[0].shown}"
    login = "Know the old one?\n\nThen change it in the app.\n\n## About\nIt is safe.\n\n## Reset\n1. Open.\n2. Tap.\n"
    assert _article("login", "Login", login, "en", "Reset it.")[0].shown.endswith("Reset\n1. Open.\n2. Tap.")
    table = "| Plan | Price |\n|---|---|\n| Leaf | 69 |\n\n## Choosing\n- Leaf for some.\n- Meadow for more.\n"
    assert [p.shown.split("\n")[0] for p in _article("plans", "Plans", table, "en", "All plans.")] == [
        "Plan — Price",
        "Plan — Price",
        "Choosing",
    ]
    assert [p.shown for p in _article("short", "Short", "", "en", "Only this.")] == ["Only this."]
    assert [p.shown for p in _article("plain", "Plain", "Some words.", "en", "A summary.")] == ["Some words."] * 2


def test_long_sections_are_cut_between_paragraphs() -> None:
    paragraphs = [f"{n} " + "word " * 60 for n in range(6)]
    found = _article("long", "Long", "## All\n\n" + "\n\n".join(paragraphs), "en")
    assert len(found) > 1
    assert [line.split()[0] for p in found for line in p.text.splitlines()] == [str(n) for n in range(6)]
    assert all(len(p.text) <= 600 for p in found)
    table = "## All\n" + "\n".join(f"- {n} " + "word " * 20 for n in range(20))
    assert all(len(p.text) <= 600 for p in _article("table", "Table", table, "en"))


def test_markdown_marks_are_not_shown() -> None:
    assert plain("**a** `b` [c](d) ![e](f)") == "a b c e"


def test_terms_of_both_languages() -> None:
    assert terms("漫游资费 ＷｉＦｉ plans") == ["漫游", "游资", "资费", "wifi", "plan"]


def test_the_best_passage_comes_first_and_cites_its_article(index: Index) -> None:
    found = index.search("how do I change the wifi password", "en", 2)
    first = found.passages[0].to_json()
    assert set(first) == {"article", "title", "passage", "url", "language", "score"}
    assert (first["article"], first["url"]) == ("wifi", "/help/wifi")
    assert found.confident
    scores = [hit.score for hit in found.passages]
    assert scores == sorted(scores, reverse=True)


def test_a_section_is_shown_once(index: Index) -> None:
    shown = [h.passage.shown for h in index.search("roaming is off at first, day passes", "en", 9).passages]
    assert shown[0].startswith("Roaming is off at first.")
    assert len(shown) == len(set(shown))
    assert not any(text in shown[0] for text in shown[1:])


def test_an_unrelated_question_is_not_answered_with_confidence(index: Index) -> None:
    assert not index.search("who won the football match", "en", 3).confident
    assert not index.search("", "en", 3).passages


def test_an_article_is_read_in_the_language_asked_for_where_it_has_it(index: Index) -> None:
    assert {
        h.passage.language for h in index.search("漫游价格", "zh", 9).passages if h.passage.article == "roaming"
    } == {"zh"}
    assert "wifi" in {h.passage.article for h in index.search("wifi password 密码", "zh", 9).passages}


def test_a_search_can_be_limited_to_articles(index: Index) -> None:
    assert {h.passage.article for h in index.search("roaming prices", "en", 9, ["wifi"]).passages} == {"wifi"}
    nothing = index.search("roaming prices", "en", 9, ["nowhere"])
    assert (nothing.passages, nothing.confident) == ((), False)


def test_a_saved_index_answers_the_same_and_a_damaged_one_is_refused(index: Index, tmp_path: Path) -> None:
    index.save(tmp_path)
    again = Index.load(tmp_path, _hashed)
    for query in ("roaming prices", "wifi"):
        before, after = index.search(query, "en", 3), again.search(query, "en", 3)
        assert [h.passage for h in before.passages] == [h.passage for h in after.passages]
        assert before.probability == pytest.approx(after.probability, abs=1e-2)
    (tmp_path / "passages.json").write_text("[]")
    with pytest.raises(RetrievalError, match="does not match its manifest"):
        Index.load(tmp_path, _hashed)
    with pytest.raises(RetrievalError, match="no complete search index"):
        Index.load(tmp_path / "nowhere", _hashed)


def test_no_passages_are_no_index() -> None:
    with pytest.raises(RetrievalError, match="no passages"):
        Index.build([], _hashed)
