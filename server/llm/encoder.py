"""Intents from any sentence encoder: a softmax regression on its vectors, calibrated like the embedded engine.

The encoder may be any model of Hugging Face (`server.llm.hf.TransformersEncoder`); entities, and everything where it
fails, come from the embedded engine.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.llm import calibration, examples
from server.llm.calibration import Unseen
from server.llm.engine import Fallback, Item, Metrics, replaced
from server.llm.examples import MANIFEST, Embed, Vectors
from server.llm.prepare import Progress, Sources
from server.nlu import calibrate
from server.nlu.artefact import ArtefactError
from server.nlu.calibrate import Calibrations, OosModel, Threshold
from server.nlu.data import OUT_OF_SCOPE, DataError, load
from server.nlu.engine import MAX_CHARACTERS, Intent, Parse
from server.nlu.regression import softmax_regression
from server.nlu.text import align
from server.nlu.unseen import folds

log = logging.getLogger(__name__)
_FORMAT: Final = 2
_FILE: Final = "encoder.npz"
_FOLDS: Final = 4
_RANKED: Final = 10
_NEIGHBOURS: Final = 20_000


class _Head:
    """Standardised, length-1 vectors and a regression; the last logit is out of scope (-inf without negatives)."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.arrays = arrays

    @classmethod
    def fit(cls, vectors: Vectors, target: NDArray[np.int64], intents: int) -> _Head:
        """`target`: the intent's column, `intents` for out of scope."""
        mean, scale = vectors.mean(axis=0), vectors.std(axis=0) + 1e-6
        present = np.unique(target)
        column = {int(c): i for i, c in enumerate(present)}
        y = np.array([column[int(t)] for t in target])
        weights, bias = softmax_regression(_prepared(vectors, mean, scale), y, len(present))
        inside = vectors[target < intents][:_NEIGHBOURS]
        return cls(
            {
                "mean": mean, "scale": scale, "weights": weights, "bias": bias, "present": present,
                "neighbours": inside.astype(np.float16), "intents": np.array(intents),
            }
        )  # fmt: skip

    def logits(self, vectors: Vectors) -> NDArray[Any]:
        """(texts, intents + 1); what training never saw stands below everything else."""
        a = self.arrays
        seen = _prepared(vectors, a["mean"], a["scale"]) @ a["weights"] + a["bias"]
        found = np.repeat(seen.min(axis=1, keepdims=True) - 1, int(a["intents"]) + 1, axis=1)
        found[:, a["present"]] = seen
        return np.asarray(found)

    def nearness(self, vectors: Vectors) -> NDArray[Any]:
        """Cosine of the nearest example, (texts,)."""
        known = self.arrays["neighbours"].astype(np.float32)
        return np.concatenate([(vectors[i : i + 1024] @ known.T).max(axis=1) for i in range(0, len(vectors), 1024)])


def _prepared(x: Vectors, mean: NDArray[Any], scale: NDArray[Any]) -> Vectors:
    z = (x - mean) / scale
    return np.asarray(z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def prepare(
    sources: Sources,
    out: Path,
    embed: Embed,
    *,
    model: str,
    seed: int = 0,
    risk_bound: float = calibrate.RISK_BOUND,
    progress: Progress = lambda _fraction, _text: None,
) -> dict[str, Any]:
    """Train and calibrate on the examples of `sources` and write the folder `out`; returns its manifest.

    Raises `DataError` for data that cannot be used.
    """
    data = load(sources.data_paths)
    names = sorted({e.intent for e in data.examples} - {OUT_OF_SCOPE})
    if len(names) < 2:
        raise DataError("at least two intents with examples are needed")
    place = {name: i for i, name in enumerate(names)}
    target = np.array([place.get(e.intent, len(names)) for e in data.examples], np.int64)
    texts = [align(e.text).text for e in data.examples]
    parts = []
    for i in range(0, len(texts), 256):
        progress(0.7 * i / len(texts), f"reading with {model}")
        parts.append(embed(texts[i : i + 256]))
    vectors = np.concatenate(parts)
    progress(0.7, "calibrating on unseen folds")
    fold = folds(data.examples, seed, _FOLDS)
    unseen = _unseen(
        vectors, target, intents=len(names), fold=fold, languages=[e.language for e in data.examples], seed=seed
    )
    fitted, metrics = calibration.fit(unseen, risk_bound)
    progress(0.9, "training intents")
    head = _Head.fit(vectors, target, len(names))
    digest = hashlib.sha256(repr((data.digest(), model, seed, risk_bound, _FORMAT)).encode()).hexdigest()[:12]
    manifest = {
        "format": _FORMAT, "id": f"huggingface-{digest}", "engine": "huggingface", "model": model, "intents": names,
        "width": int(vectors.shape[1]), "metrics": metrics, "calibration": asdict(fitted), "seed": seed,
    }  # fmt: skip
    with examples.written(out) as folder:
        np.savez(folder / _FILE, allow_pickle=False, **head.arrays)
        (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), "utf-8")
    progress(1.0, "done")
    return manifest


def _unseen(
    vectors: Vectors,
    target: NDArray[np.int64],
    *,
    intents: int,
    fold: NDArray[np.int64],
    languages: Sequence[str],
    seed: int,
) -> Unseen:
    """Every example as a model reads it that has not seen it, then the intents of a quarter as strangers to another."""
    hidden_in = np.random.default_rng(seed).permutation(intents) % _FOLDS
    rows: list[NDArray[Any]] = []
    logits: list[NDArray[Any]] = []
    near: list[NDArray[Any]] = []
    strange: list[NDArray[np.bool_]] = []
    for k in range(_FOLDS):
        test, rest = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        away = np.array([t < intents and hidden_in[t] == k for t in target])
        for stranger, learn, ask in ((False, rest, test), (True, rest[~away[rest]], test[away[test]])):
            if len(ask) and len(np.unique(target[learn])) > 1:
                head = _Head.fit(vectors[learn], target[learn], intents)
                rows.append(ask)
                logits.append(head.logits(vectors[ask]))
                near.append(head.nearness(vectors[ask]))
                strange.append(np.full(len(ask), stranger))
    order, stranger_rows = np.concatenate(rows), np.concatenate(strange)
    wanted = np.where(stranger_rows | (target[order] >= intents), -1, target[order])
    return Unseen(np.concatenate(logits), wanted, stranger_rows, np.concatenate(near), np.array(languages)[order])


class EncoderEngine:
    """The engine: an encoder's intents, the embedded engine's entities."""

    name: Final = "huggingface"

    def __init__(
        self,
        folder: Path,
        embed: Embed,
        fallback: Fallback,
        *,
        executor: ThreadPoolExecutor,
        deadline_s: float,
        release: str = "",
        metrics: Metrics,
    ) -> None:
        """Raises `ArtefactError` where `folder` was not prepared for this engine."""
        self.manifest = read_manifest(folder)
        with np.load(folder / _FILE, allow_pickle=False) as arrays:
            self._head = _Head(dict(arrays))
        self._calibration = Calibrations.from_json(self.manifest["calibration"])
        self._embed, self._fallback = embed, fallback
        self._executor, self._deadline_s, self._metrics = executor, deadline_s, metrics
        self._release = release or str(self.manifest["id"])

    def threshold(self, language: str, bound: float | None = None) -> Threshold:
        """When to act on a parse of this engine, at a risk bound or at that of its preparation."""
        return self._calibration.threshold(language, bound)

    async def parse_all(self, items: Sequence[Item], within_s: float | None = None) -> list[Parse]:
        """Parse (text, locale) pairs; results in order."""
        if not items:
            return []
        parses = await self._fallback(items)
        began = time.perf_counter()
        texts = [align(text[:MAX_CHARACTERS]).text for text, _ in items]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s or self._deadline_s * len(items)):
                vectors = await loop.run_in_executor(self._executor, lambda: self._embed(texts))
        except TimeoutError:
            return self._instead(parses, "deadline")
        except Exception:
            log.exception("the encoder failed")
            return self._instead(parses, "refused")
        logits, nearness = self._head.logits(vectors), self._head.nearness(vectors)
        ms = (time.perf_counter() - began) * 1000 / len(items)
        self._metrics.requests.labels(self.name, "parsed").inc(len(items))
        return [self._with(p, logits[i : i + 1], nearness[i : i + 1], ms) for i, p in enumerate(parses)]

    def _with(self, parse: Parse, logits: NDArray[Any], nearness: NDArray[Any], ms: float) -> Parse:
        if not align(parse.text).tokens():
            return parse
        names: list[str] = self.manifest["intents"]
        oos: NDArray[Any] = np.zeros(1)
        if self._calibration.oos is not None:
            oos = self._calibration.oos.probability(OosModel.features(logits, nearness, len(names)))
        p = self._calibration.languages[parse.language].probabilities(logits[:, :-1], oos)[0]
        order = np.argsort(-p, kind="stable")[:_RANKED]
        ranking = tuple(Intent(names[k], round(float(p[k]), 4)) for k in order)
        threshold = self.threshold(parse.language)
        return replaced(
            parse,
            intent=ranking[0],
            intent_ranking=ranking,
            oos=round(float(oos[0]), 4),
            threshold=round(threshold.confidence, 4),
            ambiguity=round(threshold.ambiguity, 4),
            release=self._release,
            engine=self.name,
            ms=round(parse.ms + ms, 2),
            model=str(self.manifest["model"]),
        )

    def _instead(self, parses: Sequence[Parse], cause: str) -> list[Parse]:
        self._metrics.requests.labels(self.name, cause).inc(len(parses))
        self._metrics.fallbacks.labels(self.name, cause).inc(len(parses))
        why = {"engine": self.name, "cause": cause}
        return [replaced(p, fallback=why) for p in parses]

    async def warm(self) -> None:
        """Run the encoder once."""
        await asyncio.get_running_loop().run_in_executor(self._executor, lambda: self._embed(["你好", "hello"]))

    async def close(self) -> None:
        """Nothing is held that needs closing."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """Of a folder that was prepared for an encoder. Raises `ArtefactError`."""
    path = folder / MANIFEST
    if not path.is_file() or not (folder / _FILE).is_file():
        raise ArtefactError(f"{folder}: not prepared for an encoder; do it with `kefu train --engine huggingface`")
    manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if manifest.get("format") != _FORMAT:
        raise ArtefactError(f"{folder}: format {manifest.get('format')}, this version reads {_FORMAT}; prepare again")
    return manifest
