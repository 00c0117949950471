"""Entities: a linear-chain CRF (Lafferty et al. 2001) over words, shapes, known values, patterns and language-model
states.

Tokens carry spans of the original text, so whatever the tagger finds is a span of what the customer typed.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.nlu import llm
from server.nlu.data import OUT_OF_SCOPE, EntityKind, Example, Span
from server.nlu.encoders import Array, States
from server.nlu.normalise import key
from server.nlu.patterns import Patterns
from server.nlu.text import Aligned, Token

E5_WIDTH: Final = 48  # principal components of the encoder's states
LLM_WIDTH: Final = 32  # and of the language model's
_ITERATIONS: Final = 80
# The commonest Chinese surnames: nine in ten people have one of them.
_SURNAMES: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆"
    "范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙史陶贺毛段郝顾龚邵覃武钱戴严莫孔向常"
)
_LONGEST_PHRASE: Final = 8  # tokens of a known value
MEANT: Final = 3  # likeliest intents that the tagger is told
_COPIES: Final = 1  # sentences made with other known values, for each that names one
_PCA_TOKENS: Final = 20_000
_MOST_TAGGED: Final = 20_000  # examples with entities that the tagger learns from
_LEAST_TAGGED: Final = 200
_MEASURED_BY: Final = 6_000  # sentences that the tagger learns from that is measured on examples it has not seen
_MEASURED_ON: Final = 2_000
_HINT: Final = 0.25  # a known value the tagger passed over counts from this marginal on


@dataclass(frozen=True)
class Tagged:
    """An entity found: a span of the original text, its kind and P(it is one)."""

    start: int
    end: int
    entity: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """What the tagger needs to know of a text."""

    aligned: Aligned
    tokens: list[Token]
    e5: States
    llm: States
    meant: Mapping[str, float] = field(default_factory=dict)
    """The likeliest intents and their probabilities: what is a song's name in one wish is a restaurant's in another."""


def read(aligned: Sequence[Aligned], e5_states: Sequence[States]) -> list[Reading]:
    """Run the language model over texts that the encoder has already read."""
    llm_states = llm.smollm2().states([a.text for a in aligned])
    return [Reading(a, a.tokens(), e, s) for a, e, s in zip(aligned, e5_states, llm_states, strict=True)]


@dataclass(frozen=True)
class Lesson:
    """A sentence to learn from; `origin` is the example (its number) that it is or was made of."""

    example: Example
    reading: Reading
    origin: int
    made: bool = False


def lessons(
    examples: Sequence[Example],
    chosen: Sequence[int],
    readings: Sequence[Reading],
    *,
    kinds: Mapping[str, EntityKind],
    read_texts: Callable[[Sequence[str]], list[Reading]],
    seed: int,
) -> list[Lesson]:
    """The `chosen` examples, whose `readings` are given, and sentences made of them with other known values."""
    rng = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    readings = [replace(r, meant=_meant(examples[i])) for i, r in zip(chosen, readings, strict=True)]
    varied = [(i, e) for i, e in ((i, _varied(examples[i], kinds, rng)) for i in chosen for _ in range(_COPIES)) if e]
    own = [Lesson(examples[i], reading, i) for i, reading in zip(chosen, readings, strict=True)]
    read_now = read_texts([example.text for _, example in varied])
    return own + [
        Lesson(e, replace(reading, meant=_meant(e)), i, made=True)
        for (i, e), reading in zip(varied, read_now, strict=True)
    ]


def _meant(example: Example) -> dict[str, float]:
    return {} if example.intent == OUT_OF_SCOPE else {example.intent: 1.0}


@dataclass(frozen=True)
class UnseenTagger:
    """A tagger that learnt from a part of the examples, and what it is asked: some of the others."""

    model: EntityModel
    asked: list[Lesson]

    @classmethod
    def fit(
        cls,
        examples: Sequence[Example],
        taught: Sequence[Lesson],
        held_out: NDArray[np.bool_],
        *,
        kinds: Mapping[str, EntityKind],
        lookups: Mapping[str, Sequence[str]],
        seed: int,
    ) -> UnseenTagger:
        """Learn from at most 6,000 sentences made of examples not in `held_out`: rather too weak than too good."""
        rng = np.random.default_rng(seed)
        rest = [e for e, out in zip(examples, held_out, strict=True) if not out]
        learn = _some([one for one in taught if not held_out[one.origin]], _MEASURED_BY, rng)
        asked = _some([one for one in taught if held_out[one.origin] and not one.made], _MEASURED_ON, rng)
        with tempfile.TemporaryDirectory() as scratch:
            return cls(EntityModel.fit(rest, learn, Path(scratch), kinds=kinds, lookups=lookups, seed=seed), asked)

    def f1(self, guesses: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
        """Micro F1 of exact spans and kinds by language; `guesses`: the intents read unseen, by example."""
        hits: Counter[str] = Counter()
        named: Counter[str] = Counter()
        for one in self.asked:
            truth = {(s.start, s.end, s.entity) for s in one.example.entities}
            found = self.model.tag(replace(one.reading, meant=guesses.get(one.origin, {})))
            given = {(t.start, t.end, t.entity) for t in found}
            hits[one.example.language] += 2 * len(truth & given)
            named[one.example.language] += len(truth) + len(given)
        return {language: round(hits[language] / count, 4) for language, count in sorted(named.items()) if count}


def _some(found: list[Lesson], most: int, rng: np.random.Generator) -> list[Lesson]:
    if len(found) <= most:
        return found
    return [found[i] for i in np.sort(rng.choice(len(found), most, replace=False))]


def worth_tagging(examples: Sequence[Example], seed: int) -> list[int]:
    """Which examples the tagger learns from: those with entities, as many without, and a few where there are none."""
    rng = np.random.default_rng(seed)
    marked = np.flatnonzero([bool(e.entities) for e in examples])
    plain = np.flatnonzero([not e.entities for e in examples])
    if len(marked) > _MOST_TAGGED:
        marked = rng.choice(marked, _MOST_TAGGED, replace=False)
    plain = rng.choice(plain, min(len(plain), max(len(marked), _LEAST_TAGGED)), replace=False)
    return sorted(int(i) for i in np.concatenate([marked, plain]))


class Gazetteer:
    """Known values as token sequences: those of entities.yml, lookup tables, and surfaces seen in training."""

    def __init__(self, phrases: Mapping[str, Mapping[str, int]]) -> None:
        """`phrases`: kind → key of a surface → in how many examples it was annotated (0: given, not seen)."""
        self.phrases = {kind: dict(surfaces) for kind, surfaces in phrases.items()}
        self._kinds: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for kind, surfaces in self.phrases.items():
            for surface, count in surfaces.items():
                self._kinds[surface].append((kind, count))

    @classmethod
    def build(
        cls, examples: Sequence[Example], kinds: Mapping[str, EntityKind], lookups: Mapping[str, Sequence[str]]
    ) -> Gazetteer:
        """Given values always count; a surface from the examples counts where another example has it too."""
        phrases: dict[str, dict[str, int]] = defaultdict(dict)
        counts: Counter[tuple[str, str]] = Counter()
        for example in examples:
            counts.update({(s.entity, key(example.text[s.start : s.end])) for s in example.entities})
        for (kind, surface), count in sorted(counts.items()):
            if surface and not surface.isdigit():
                phrases[kind][surface] = count
        for name, entity in kinds.items():
            for surfaces in entity.values.values():
                phrases[name] |= {key(s): 0 for s in surfaces if key(s)}
        for name, given in lookups.items():
            phrases[name] |= {key(s): 0 for s in given if key(s)}
        return cls(phrases)

    def matches(
        self, tokens: Sequence[Token], own: frozenset[tuple[str, str]] = frozenset()
    ) -> list[tuple[int, int, str, bool]]:
        """(first token, end token, kind, given) of the longest phrase at each position, for each kind.

        `own`: annotations of the example itself: seen nowhere else, they would be a feature that tells the answer.
        """
        found: list[tuple[int, int, str, bool]] = []
        free_from: dict[str, int] = defaultdict(int)
        keys = [key(t.text) for t in tokens]
        for i in range(len(tokens)):
            best: dict[str, tuple[int, bool]] = {}
            joined = ""
            for j in range(i, min(i + _LONGEST_PHRASE, len(tokens))):
                joined += keys[j]
                for kind, count in self._kinds.get(joined, ()):
                    if count == 0 or count > ((kind, joined) in own):
                        best[kind] = (j + 1, count == 0)
            for kind, (end, given) in best.items():
                if i >= free_from[kind]:
                    found.append((i, end, kind, given))
                    free_from[kind] = end
        return found


class EntityModel:
    """The trained tagger."""

    def __init__(
        self, tagger: Any, gazetteer: Gazetteer, patterns: Patterns, projections: Mapping[str, tuple[Array, Array]]
    ) -> None:
        self._tagger = tagger
        self.gazetteer = gazetteer
        self.patterns = patterns
        self._projections = dict(projections)
        self.kinds = sorted({label[2:] for label in tagger.labels() if label != "O"}) if tagger else []

    @classmethod
    def fit(
        cls,
        examples: Sequence[Example],
        taught: Sequence[Lesson],
        folder: Path,
        *,
        kinds: Mapping[str, EntityKind],
        lookups: Mapping[str, Sequence[str]],
        seed: int,
    ) -> EntityModel:
        """Train and write `crf.model`, `entities.json` and `projections.npz` into `folder`.

        Known values and patterns come from all examples; the tagger learns from what is `taught`.
        """
        import pycrfsuite  # noqa: PLC0415 (native, only with a trained tagger)

        gazetteer = Gazetteer.build(examples, kinds, lookups)
        patterns = Patterns.learn(examples, kinds)
        projections = {
            "e5": _principal([one.reading.e5.vectors for one in taught], E5_WIDTH, seed),
            "llm": _principal([one.reading.llm.vectors for one in taught], LLM_WIDTH, seed),
        }
        made = cls(None, gazetteer, patterns, projections)
        trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
        labelled = 0
        for example, reading in ((one.example, one.reading) for one in taught):
            if not reading.tokens:
                continue
            labels = bio(reading.tokens, example)
            labelled += any(label != "O" for label in labels)
            own = frozenset((s.entity, key(example.text[s.start : s.end])) for s in example.entities)
            trainer.append(pycrfsuite.ItemSequence(made._features(reading, own)), labels)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "entities.json").write_text(
            json.dumps(
                {
                    "gazetteer": gazetteer.phrases,
                    "forms": patterns.forms,
                    "phone_kinds": patterns.phone_kinds,
                    "quantities": patterns.quantities,
                },
                ensure_ascii=False,
            )
        )
        np.savez(
            folder / "projections.npz",
            allow_pickle=False,
            **{f"{n}.{p}": a for n, pair in projections.items() for p, a in zip("mw", pair, strict=True)},
        )
        if labelled:
            trainer.set_params(
                {"c1": 0.05, "c2": 0.02, "max_iterations": _ITERATIONS, "feature.possible_transitions": True}
            )
            trainer.train(str(folder / "crf.model"))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path) -> EntityModel:
        """Read what `fit` wrote."""
        import pycrfsuite  # noqa: PLC0415 (native, only with a trained tagger)

        saved = json.loads((folder / "entities.json").read_text())
        tagger = None
        if (folder / "crf.model").is_file():
            tagger = pycrfsuite.Tagger()
            tagger.open(str(folder / "crf.model"))
        with np.load(folder / "projections.npz") as arrays:
            projections = {name: (arrays[f"{name}.m"], arrays[f"{name}.w"]) for name in ("e5", "llm")}
        return cls(
            tagger,
            Gazetteer(saved["gazetteer"]),
            Patterns(saved["forms"], saved["phone_kinds"], saved["quantities"]),
            projections,
        )

    def tag(self, reading: Reading) -> list[Tagged]:
        """Entities of one text, in order, never overlapping. Certain patterns overrule the tagger."""
        import pycrfsuite  # noqa: PLC0415 (native, only with a trained tagger)

        if not reading.tokens:
            return []
        found: list[Tagged] = []
        for hit in self.patterns.find(reading.aligned):
            if hit.certain:
                found.append(Tagged(*reading.aligned.span(hit.start, hit.end), hit.entity, 0.99))
        if self._tagger is None:
            return sorted(found, key=lambda t: t.start)
        self._tagger.set(pycrfsuite.ItemSequence(self._features(reading)))
        labels = self._tagger.tag()
        tokens = reading.tokens
        for i, j, entity in _chunks(labels):
            marginal = min(self._tagger.marginal(labels[k], k) for k in range(i, j))
            _add(found, Tagged(tokens[i].start, tokens[j - 1].end, entity, float(marginal)))
        for i, j, kind in self._hints(reading):
            support = min(1 - self._tagger.marginal("O", k) for k in range(i, j))
            if support >= _HINT:
                _add(found, Tagged(tokens[i].start, tokens[j - 1].end, kind, float(support)))
        return sorted(found, key=lambda t: t.start)

    def _hints(self, reading: Reading) -> list[tuple[int, int, str]]:
        """(first token, end token, kind) of known values and written quantities, the longest first."""
        known = set(self.kinds)
        hints = [(i, j, kind) for i, j, kind, given in self.gazetteer.matches(reading.tokens) if given]
        for hit in self.patterns.find(reading.aligned):
            inside = [k for k, token in enumerate(reading.tokens) if hit.start <= token.at < hit.end]
            if inside and hit.entity in self.patterns.quantities:
                hints.append((inside[0], inside[-1] + 1, hit.entity))
        return sorted((h for h in hints if h[2] in known), key=lambda h: h[0] - h[1])

    def _features(self, reading: Reading, own: frozenset[tuple[str, str]] = frozenset()) -> list[dict[str, Any]]:
        tokens = reading.tokens
        lexical = [_lexical(t) for t in tokens]
        marks: list[list[str]] = [[] for _ in tokens]
        for i, j, kind, given in self.gazetteer.matches(tokens, own):
            for k in range(i, j):
                place = "S" if j - i == 1 else "B" if k == i else "E" if k == j - 1 else "I"
                marks[k].append(f"{'given' if given else 'seen'}:{kind}:{place}")
        for hit in self.patterns.find(reading.aligned):
            for k, token in enumerate(tokens):
                if hit.start <= token.at < hit.end:
                    marks[k].append(f"pattern:{hit.entity}:{'B' if token.at == hit.start else 'I'}")
        dense = [self._dense(name, states, tokens) for name, states in (("e5", reading.e5), ("llm", reading.llm))]
        rows: list[dict[str, Any]] = []
        for i in range(len(tokens)):
            row: dict[str, Any] = {"bias": 1.0} | {f"meant={n}": p for n, p in reading.meant.items()}
            for offset in (-2, -1, 0, 1, 2):
                if 0 <= i + offset < len(tokens):
                    row |= {
                        f"{offset}:{name}": 1.0
                        for name in (lexical[i + offset] if abs(offset) < 2 else lexical[i + offset][:1])
                    }
                    row |= {f"{offset}:{mark}": 1.0 for mark in marks[i + offset]}
                else:
                    row[f"{offset}:edge"] = 1.0
            for a, b in ((-1, 0), (0, 1), (-2, -1), (1, 2)):
                if i + a >= 0 and i + b < len(tokens):
                    row[f"{a}{b}:{tokens[i + a].text.lower()}_{tokens[i + b].text.lower()}"] = 1.0
            for name, matrix in zip(("e", "l"), dense, strict=True):
                row |= {f"{name}{d}": float(v) for d, v in enumerate(matrix[i])}
            rows.append(row)
        return rows

    def _dense(self, name: str, states: States, tokens: Sequence[Token]) -> Array:
        """Each token's states (mean over the pieces that overlap it), projected: (tokens, width)."""
        mean, weights = self._projections[name]
        out = np.zeros((len(tokens), weights.shape[1]), np.float32)
        if not len(states.vectors):
            return out
        projected = (states.vectors - mean) @ weights
        starts = np.array([a for a, _ in states.offsets])
        ends = np.array([b for _, b in states.offsets])
        for i, token in enumerate(tokens):
            rows = np.flatnonzero((starts < token.at + len(token.text)) & (ends > token.at))
            if len(rows):
                out[i] = projected[rows].mean(axis=0)
        return np.clip(out, -4, 4)


def _add(found: list[Tagged], candidate: Tagged) -> None:
    if all(candidate.end <= f.start or f.end <= candidate.start for f in found):
        found.append(candidate)


def bio(tokens: Sequence[Token], example: Example) -> list[str]:
    """BIO labels; a token that a span touches belongs to it."""
    labels = ["O"] * len(tokens)
    for span in example.entities:
        inside = [i for i, t in enumerate(tokens) if t.start < span.end and span.start < t.end]
        for n, i in enumerate(inside):
            labels[i] = f"{'B' if n == 0 else 'I'}-{span.entity}"
    return labels


def _chunks(labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """(first, end, kind) of each labelled run."""
    chunks: list[tuple[int, int, str]] = []
    for i, label in enumerate(labels):
        if label == "O":
            continue
        kind = label[2:]
        if label.startswith("I-") and chunks and chunks[-1][1] == i and chunks[-1][2] == kind:
            chunks[-1] = (chunks[-1][0], i + 1, kind)
        else:
            chunks.append((i, i + 1, kind))
    return chunks


def _lexical(token: Token) -> list[str]:
    low = token.text.lower()
    names = [f"w={low}", f"shape={_shape(token.text)}", f"spaced={token.spaced}"]
    if token.text in _SURNAMES:
        names.append("surname")
    if token.text.isdigit():
        names.append(f"digits={min(len(low), 12)}")
    elif low.isascii() and len(low) > 2:
        names += [f"pre={low[:3]}", f"suf={low[-3:]}", f"suf2={low[-2:]}"]
    return names


def _shape(text: str) -> str:
    shape = re.sub(r"\d", "0", re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", text)))
    return re.sub(r"(.)\1{2,}", r"\1\1+", shape) if shape.isascii() else "文" if len(shape) == 1 else "文字"


def _principal(states: Sequence[Array], width: int, seed: int) -> tuple[Array, Array]:
    """Mean and whitening projection (from, to) on the strongest principal components of states."""
    rows = np.concatenate([s for s in states if len(s)])
    if len(rows) > _PCA_TOKENS:
        rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), _PCA_TOKENS, replace=False))]
    rows = rows.astype(np.float32)
    mean = rows.mean(axis=0)
    covariance = np.cov((rows - mean).T.astype(np.float64))
    values, vectors = np.linalg.eigh(covariance)
    keep = np.argsort(values)[::-1][:width]
    weights = vectors[:, keep] / np.sqrt(np.maximum(values[keep], 1e-9))
    return mean.astype(np.float32), weights.astype(np.float32)


def _varied(example: Example, kinds: Mapping[str, EntityKind], rng: random.Random) -> Example | None:
    """The example with other known values in place of its own, so that the tagger learns kinds, not names."""
    text, spans, last, changed = "", [], 0, False
    for span in example.entities:
        text += example.text[last : span.start]
        surface = example.text[span.start : span.end]
        kind = kinds.get(span.entity)
        if kind is not None and kind.values:
            chinese = not surface.isascii()
            choices = [s for surfaces in kind.values.values() for s in surfaces if (not s.isascii()) == chinese]
            if choices:
                surface, changed = rng.choice(choices), True
        spans.append(Span(len(text), len(text) + len(surface), span.entity, span.value))
        text += surface
        last = span.end
    return Example(text + example.text[last:], example.intent, tuple(spans), example.place) if changed else None
