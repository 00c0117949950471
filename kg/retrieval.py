"""Search over help articles: dense vectors (FAISS) and BM25, fused, with a data-made sense of when nothing fits.

Embeddings are injected: `embed(texts, query)` returns one row of length 1 for each text; `query` says whether the
texts are questions
or passages, which some encoders treat differently. Nothing here knows where the vectors come from.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
FORMAT: Final = 2
LEXICAL_WEIGHT: Final = 3.0  # of full word overlap against one standard deviation of cosine
_CANDIDATES: Final = 40
_LONGEST_PASSAGE: Final = 600  # characters
_K1: Final = (
    1.2  # saturation and length normalisation: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", 3.5
)
_B: Final = 0.75
_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_ITEM = re.compile(r"\s*(?:\d+[.)]|[-*•])\s+")
_WORD = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[^\W_]+")


class RetrievalError(RuntimeError):
    """An index cannot be built or read; the message says why and what to do."""


class Embed(Protocol):
    """Texts to vectors of length 1, (texts, width)."""

    def __call__(self, texts: Sequence[str], *, query: bool) -> Array:
        """Embed questions (`query`) or passages."""
        ...


@dataclass(frozen=True)
class Passage:
    """A piece of an article that can be shown by itself.

    `cue`: what the search looks at in place of heading and text, where these answer what other words ask for: an
    article's summary says what it is about, the steps below it are what helps.
    """

    article: str
    title: str
    heading: str
    text: str
    url: str
    language: str
    cue: str = ""

    @property
    def shown(self) -> str:
        """What the customer reads."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def searched(self) -> str:
        """What the search looks at."""
        return "\n".join(part for part in (self.title, self.cue or self.shown) if part)


@dataclass(frozen=True)
class Question:
    """A question whose answer is known: the articles that answer it, none for an unrelated one."""

    text: str
    language: str
    articles: frozenset[str]


@dataclass(frozen=True)
class Hit:
    """A passage found, with its fused score (higher is better, comparable within one index)."""

    passage: Passage
    score: float

    def to_json(self) -> dict[str, Any]:
        """The passage as the model service answers it."""
        p = self.passage
        return {
            "article": p.article,
            "title": p.title,
            "passage": p.shown,
            "url": p.url,
            "language": p.language,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True)
class Result:
    """Passages, best first; `confident` false means that none of them answers the query."""

    passages: tuple[Hit, ...]
    confident: bool
    probability: float


# ---------------------------------------------------------------- articles to passages


def split_article(article: str, *, title: str, summary: str, markdown: str, language: str, url: str) -> list[Passage]:
    """An article as passages of at most about 600 characters: what it opens with, then each of its sections.

    Summary and introduction say what the article is about and rarely help by themselves: they are found by their
    own words and show the introduction with the first section that lists something (steps, prices, checks).
    """
    introduction, sections = _sections(markdown)
    pieces = [*introduction, *sections]
    if not pieces:
        return [Passage(article, title, "", summary, url, language)] if summary else []
    main = next((piece for piece in pieces if _lists(piece[1])), (sections or introduction)[0])
    opening = Passage(article, title, *main, url, language)
    leads = [text for _, text in introduction if sections and not _lists(text)]
    if leads and main in sections:
        led = f"{leads[0]}\n{opening.shown}"
        if len(led) <= _LONGEST_PASSAGE:
            opening = replace(opening, heading="", text=led)
    passages = [replace(opening, cue=cue) for cue in (summary, *leads) if cue]
    return passages + [Passage(article, title, *p, url, language) for p in pieces if p in sections or p[1] not in leads]


def _sections(markdown: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(heading, piece) pairs: those before the first heading, whose heading is empty, and those after it."""
    introduction: list[tuple[str, str]] = []
    sections: list[tuple[str, str]] = []
    heading = ""
    blocks: list[str] = []

    def flush() -> None:
        (sections if heading else introduction).extend((heading, text) for text in _pieces(blocks))
        blocks.clear()

    for block in re.split(r"\n\s*\n", markdown.strip()):
        lines = block.strip().splitlines()
        while lines:
            found = re.match(r"#{1,6}\s+(.*)", lines[0])
            if found is None:
                blocks.append(plain("\n".join(lines)))
                break
            flush()
            heading = plain(found[1])
            lines = lines[1:]
    flush()
    return introduction, sections


def _pieces(blocks: Sequence[str]) -> Iterator[str]:
    """Paragraphs joined as long as they fit; one that does not fit by itself is cut between its lines."""
    text = ""
    for block in blocks:
        for part in [block] if len(block) <= _LONGEST_PASSAGE else block.splitlines():
            if text and len(text) + len(part) >= _LONGEST_PASSAGE:
                yield text
                text = ""
            text = f"{text}\n{part}" if text else part
    if text:
        yield text


def _lists(text: str) -> bool:
    """Whether plain text holds a list or a table of at least two lines."""
    return sum(bool(_ITEM.match(line)) or " — " in line for line in text.splitlines()) > 1


def plain(markdown: str) -> str:
    """Markdown as plain text: no emphasis, links by their words, table rows with dashes between the cells."""
    lines = []
    for line in markdown.splitlines():
        if re.fullmatch(r"[\s|:-]+", line) and "|" in line:
            continue
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
        text = re.sub(r"(\*\*|__|`)", "", text)
        if text.strip().startswith("|"):
            text = " — ".join(cell.strip() for cell in text.strip().strip("|").split("|") if cell.strip())
        lines.append(text.rstrip())
    return "\n".join(lines).strip()


def terms(text: str) -> list[str]:
    """Search terms: words of alphabetic scripts without plural s, pairs of neighbouring Chinese characters."""
    found: list[str] = []
    for run in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if _CJK.match(run):
            found += [run[i : i + 2] for i in range(len(run) - 1)] if len(run) > 1 else [run]
        else:
            found.append(run[:-1] if len(run) > 3 and run.endswith("s") and not run.endswith("ss") else run)
    return found


class _Lexical:
    """BM25 with postings; scores are shares of what a passage holding every term of the query would get."""

    def __init__(self, documents: Sequence[str]) -> None:
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = []
        for number, document in enumerate(documents):
            counts = Counter(terms(document))
            lengths.append(sum(counts.values()))
            for term, count in counts.items():
                self._postings[term].append((number, count))
        self._lengths = np.array(lengths, np.float32)
        self._average = float(self._lengths.mean()) or 1.0
        self._total = len(documents)

    def _weight(self, term: str) -> float:
        n = len(self._postings.get(term, ()))
        return math.log(1 + (self._total - n + 0.5) / (n + 0.5))

    def scores(self, query: str) -> Array:
        """(passages,), in [0, 1]."""
        scores = np.zeros(self._total, np.float32)
        wanted = Counter(terms(query))
        ideal = sum(self._weight(term) * count for term, count in wanted.items()) * (_K1 + 1)
        for term, count in wanted.items():
            weight = self._weight(term) * count
            for number, frequency in self._postings.get(term, ()):
                norm = _K1 * (1 - _B + _B * self._lengths[number] / self._average)
                scores[number] += weight * frequency * (_K1 + 1) / (frequency + norm)
        return scores / max(ideal, 1e-9)


# ---------------------------------------------------------------- the index


class Index:
    """Passages that can be searched. Build or load it; it does not change afterwards."""

    def __init__(
        self,
        passages: Sequence[Passage],
        vectors: Array,
        embed: Embed,
        *,
        spread: Mapping[str, tuple[float, float]],
        gate: Sequence[float],
    ) -> None:
        self.passages = list(passages)
        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._embed = embed
        self._spread = dict(spread)
        self._gate = list(gate)
        self._faiss = faiss.IndexFlatIP(self._vectors.shape[1])
        self._faiss.add(self._vectors)
        self._lexical = _Lexical([p.searched for p in self.passages])
        self._versions: dict[str, set[str]] = defaultdict(set)
        for passage in self.passages:
            self._versions[passage.article].add(passage.language)

    @classmethod
    def build(cls, passages: Sequence[Passage], embed: Embed, questions: Iterable[Question] = ()) -> Index:
        """Index passages; `questions` teach it when to be confident (without them: the articles' own titles
        and summaries).

        Raises `RetrievalError` where there are no passages.
        """
        if not passages:
            raise RetrievalError("no passages to index; check the articles folder and the languages")
        vectors = embed([p.searched for p in passages], query=False)
        index = cls(passages, vectors, embed, spread={}, gate=[])
        asked = list(questions) or index._own_questions()
        index._learn(asked)
        return index

    def _own_questions(self) -> list[Question]:
        found: dict[tuple[str, str], Question] = {}
        for p in self.passages:
            for text in (p.title, p.cue or p.heading or p.text):
                found[(p.language, text)] = Question(text, p.language, frozenset({p.article}))
        return list(found.values())

    def _learn(self, questions: Sequence[Question]) -> None:
        """Fit the spread of cosines for each language and the gate.

        An article's question asked while that article is hidden is a question nobody has answered; so is an
        unrelated one.
        """
        vectors = self._embed([q.text for q in questions], query=True)
        for language in {q.language for q in questions}:
            own = vectors[[q.language == language for q in questions]] @ self._vectors.T
            self._spread[language] = (float(own.mean()), float(own.std()) + 1e-6)
        rows: list[list[float]] = []
        answered: list[float] = []
        every = {p.article for p in self.passages}
        for question, vector in zip(questions, vectors, strict=True):
            hits, features = self._ranked(question.text, vector, question.language, 1, None)
            if not question.articles:
                rows.append(features)
                answered.append(0.0)
                continue
            rows.append(features)
            answered.append(float(bool(hits) and hits[0].passage.article in question.articles))
            _, blind = self._ranked(question.text, vector, question.language, 1, every - question.articles)
            rows.append(blind)
            answered.append(0.0)
        self._gate = _logistic(np.array(rows), np.array(answered)).tolist()

    def search(self, query: str, language: str, k: int = 3, articles: Sequence[str] | None = None) -> Result:
        """The best `k` passages, at most one language for each article: the one asked for where the article has it.

        `articles` limits the search to these ids.
        """
        if not query.strip() or k < 1:
            return Result((), confident=False, probability=0.0)
        vector = self._embed([query], query=True)[0]
        hits, features = self._ranked(query, vector, language, k, set(articles) if articles else None)
        probability = _probability(self._gate, features) if hits else 0.0
        return Result(tuple(hits), probability >= 0.5, round(probability, 4))

    def _ranked(
        self, query: str, vector: Array, language: str, k: int, articles: set[str] | None
    ) -> tuple[list[Hit], list[float]]:
        allowed = np.array([self._fits(p, language, articles) for p in self.passages])
        if not allowed.any():
            return [], [0.0, 0.0, 0.0]
        ids = np.flatnonzero(allowed)
        selector = faiss.IDSelectorBatch(ids.astype(np.int64))
        wanted = min(_CANDIDATES, len(ids))
        _, near = self._faiss.search(vector[None], wanted, params=faiss.SearchParameters(sel=selector))  # type: ignore[call-arg]  # its stub lacks the field
        lexical = self._lexical.scores(query)
        worded = ids[np.argsort(-lexical[ids], kind="stable")[:wanted]]
        candidates = np.unique(np.concatenate([near[0][near[0] >= 0], worded]))
        mean, deviation = self._spread.get(language) or (0.0, 1.0)
        cosine = (self._vectors[candidates] @ vector - mean) / deviation
        fused = cosine + LEXICAL_WEIGHT * lexical[candidates]
        order = np.argsort(-fused, kind="stable")
        hits: list[Hit] = []
        for i in order:
            passage = self.passages[candidates[i]]
            # Several passages may show one section; what a better one shows already is no second answer.
            if any(h.passage.article == passage.article and passage.shown in h.passage.shown for h in hits):
                continue
            hits.append(Hit(passage, float(fused[i])))
            if len(hits) == k:
                break
        best = order[0]
        return hits, [float(fused[best]), float(cosine.max()), float(lexical[candidates].max())]

    def _fits(self, passage: Passage, language: str, articles: set[str] | None) -> bool:
        if articles is not None and passage.article not in articles:
            return False
        return passage.language == language or language not in self._versions[passage.article]

    # ------------------------------------------------------------ on disk

    def save(self, folder: Path) -> None:
        """Write `passages.json` and `vectors.npy`, the manifest last."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "vectors.npy", self._vectors.astype(np.float16))
        passages = json.dumps([asdict(p) for p in self.passages], ensure_ascii=False)
        (folder / "passages.json").write_text(passages, encoding="utf-8")
        digest = hashlib.sha256(passages.encode()).hexdigest()
        manifest = {"format": FORMAT, "digest": digest, "spread": self._spread, "gate": self._gate}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, embed: Embed) -> Index:
        """Read what `save` wrote. Raises `RetrievalError` where it is missing, damaged or of another format."""
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            text = (folder / "passages.json").read_text(encoding="utf-8")
            vectors = np.load(folder / "vectors.npy").astype(np.float32)
        except (OSError, ValueError) as error:
            raise RetrievalError(f"{folder}: no complete search index ({error}); build the release again") from error
        if manifest.get("format") != FORMAT:
            raise RetrievalError(
                f"{folder}: index format {manifest.get('format')}, this version reads {FORMAT}; build the release again"
            )
        if hashlib.sha256(text.encode()).hexdigest() != manifest["digest"]:
            raise RetrievalError(f"{folder}/passages.json: does not match its manifest; build the release again")
        passages = [Passage(**p) for p in json.loads(text)]
        spread = {language: (mean, deviation) for language, (mean, deviation) in manifest["spread"].items()}
        return cls(passages, vectors, embed, spread=spread, gate=manifest["gate"])


def _logistic(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Weights and bias (last) of a ridge logistic regression, both answers weighing the same, by Newton's method."""
    rows = np.column_stack([x, np.ones(len(x))])
    positive = max(y.sum(), 1.0)
    negative = max((1 - y).sum(), 1.0)
    weight = np.where(y > 0, 0.5 / positive, 0.5 / negative) * len(y)
    w = np.zeros(rows.shape[1])
    ridge = np.diag([*([1e-2] * x.shape[1]), 1e-6]) * len(y)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(rows @ w, -30, 30)))
        gradient = rows.T @ (weight * (p - y)) + ridge @ w
        hessian = (rows * (weight * p * (1 - p))[:, None]).T @ rows + ridge
        step = np.linalg.solve(hessian, gradient)
        w = w - step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(w)


def _probability(gate: Sequence[float], features: Sequence[float]) -> float:
    if not gate:
        return 0.0
    return float(1 / (1 + math.exp(-float(np.clip(np.dot(gate[:-1], features) + gate[-1], -30, 30)))))
