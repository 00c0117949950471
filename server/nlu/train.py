"""From examples to an artefact. Deterministic: the same data, seed and package versions give the same numbers."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from server.nlu import artefact, calibrate, fewshot, intents
from server.nlu.artefact import Artefact
from server.nlu.calibrate import Calibration, Calibrations, OosModel, Threshold
from server.nlu.cues import Cues
from server.nlu.data import OUT_OF_SCOPE, DataError, Dataset, Example, load, load_entities, load_intents
from server.nlu.entities import EntityModel, Reading, read
from server.nlu.intents import Encoded, IntentModel, compare
from server.nlu.language import LANGUAGES
from server.nlu.text import align

Progress = Callable[[float, str], None]
FOLDS: Final = 4
_ENCODE_STEP: Final = 256
_NEW_AT_ONCE: Final = 3  # hidden intents that an episode treats as new
_LEAST_TO_CALIBRATE: Final = 40  # messages of a language; below, both languages share numbers


def _quiet(_fraction: float, _message: str) -> None:
    pass


def train(
    data_paths: Sequence[Path],
    out_dir: Path,
    *,
    intents_file: Path | None = None,
    entities_file: Path | None = None,
    seed: int = 0,
    risk_bound: float = calibrate.RISK_BOUND,
    progress: Progress = _quiet,
) -> Artefact:
    """Train intents, entities and calibration on the files in `data_paths` and write the artefact folder `out_dir`.

    `intents_file` and `entities_file` are the company's `intents.yml` and `entities.yml` (optional); `risk_bound`
    is the share of
    handled messages that may be misunderstood; `progress(fraction, message)` is called as the work goes on,
    fraction in [0, 1].

    Raises `server.nlu.data.DataError` for data that cannot be used (file and line in the message). `out_dir`
    appears complete or not
    at all; an artefact that was there is replaced.
    """
    progress(0.0, "reading the examples")
    data = load(data_paths)
    defined = load_intents(intents_file)
    kinds = load_entities(entities_file)
    _check_intents(data, set(defined))
    # These matrices are small: on busy cores a second thread waits longer than it computes.
    with artefact.written(out_dir) as folder, threadpool_limits(limits=1, user_api="blas"):
        encoded, readings = _encode(
            data.examples, lambda f: progress(0.02 + 0.27 * f, "reading with the language models")
        )
        cues = Cues.learn(data.examples, kinds, data.lookups)
        encoded.vectors["cues"] = cues.of([r.aligned for r in readings])
        labels = [e.intent for e in data.examples]
        progress(0.3, "training intents")
        model = IntentModel.fit(encoded, labels, seed=seed)
        np.savez(folder / "intents.npz", allow_pickle=False, **model.arrays())
        fitted, metrics = _calibrate(
            data, encoded, seed, risk_bound, lambda f: progress(0.35 + 0.35 * f, "calibrating on unseen folds")
        )
        progress(0.7, "training entities")
        EntityModel.fit(
            data.examples,
            readings,
            folder / "entities",
            kinds=kinds,
            lookups=data.lookups,
            read_texts=lambda texts: _encode([Example(t, "") for t in texts], lambda _: None)[1],
            seed=seed,
        )
        if entities_file is not None:
            shutil.copyfile(entities_file, folder / "entities.yml")
        progress(0.98, "writing the model")
        digest = data.digest()
        artefact.seal(
            folder,
            {
                "id": hashlib.sha256(
                    f"{artefact.FORMAT} {digest} {seed} {risk_bound} {artefact.versions()}".encode()
                ).hexdigest()[:12],
                "data": {"digest": digest, "examples": len(data.examples), "intents": len(model.intents)},
                "seed": seed,
                "synonyms": data.synonyms,
                "calibration": fitted.to_json(),
                "metrics": metrics,
                "problems": [str(p) for p in data.problems],
            },
        )
    progress(1.0, "done")
    return Artefact.load(out_dir)


def _check_intents(data: Dataset, defined: set[str]) -> None:
    if len({e.intent for e in data.examples} - {OUT_OF_SCOPE}) < 2:
        raise DataError("at least two intents with examples are needed to train")
    if not defined:
        return
    for example in data.examples:
        if example.intent not in defined and example.intent != OUT_OF_SCOPE:
            raise DataError(
                f'{example.place}: intent "{example.intent}" is not in intents.yml; add it there or rename it here'
            )


def _encode(examples: Sequence[Example], progress: Callable[[float], None]) -> tuple[Encoded, list[Reading]]:
    parts: list[Encoded] = []
    readings: list[Reading] = []
    for i in range(0, len(examples), _ENCODE_STEP):
        batch = examples[i : i + _ENCODE_STEP]
        aligned = [align(e.text) for e in batch]
        parts.append(intents.encode([a.text for a in aligned], [e.language for e in batch]))
        readings += read(aligned, parts[-1].e5_states)
        progress(min(1.0, (i + len(batch)) / len(examples)))
    if not parts:
        return Encoded({}, [], []), []
    vectors = {name: np.concatenate([p.vectors[name] for p in parts]) for name in parts[0].vectors}
    return Encoded(vectors, [x for p in parts for x in p.languages], [s for p in parts for s in p.e5_states]), readings


def template(example: Example) -> str:
    """What is left of a sentence without its details: examples that share it go into one fold, or folds would leak."""
    text = example.text
    for span in reversed(example.entities):
        text = text[: span.start] + f"<{span.entity}>" + text[span.end :]
    text = re.sub(r"\d+", "0", align(text).text.lower())
    return re.sub(r"[^\w<>]+", "", text)


def folds(examples: Sequence[Example], count: int, seed: int) -> NDArray[np.int64]:
    """A fold for each example: every intent spread evenly, one template never split."""
    rng = np.random.default_rng(seed)
    assigned = np.zeros(len(examples), np.int64)
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, example in enumerate(examples):
        groups[example.intent][template(example)].append(i)
    for members in groups.values():
        ordered = list(members.values())
        start = int(rng.integers(count))
        for position, g in enumerate(rng.permutation(len(ordered))):
            assigned[ordered[g]] = (start + position) % count
    return assigned


def _calibrate(
    data: Dataset, encoded: Encoded, seed: int, bound: float, progress: Callable[[float], None]
) -> tuple[Calibrations, dict[str, Any]]:
    examples = data.examples
    labels = np.array([e.intent for e in examples])
    languages = np.array(encoded.languages)
    classes = sorted(set(labels) - {OUT_OF_SCOPE})
    index = {name: i for i, name in enumerate(classes)}
    negatives = OUT_OF_SCOPE in labels
    hidden = len(classes) if negatives else None
    width = len(classes) + negatives
    logits = np.full((len(examples), width), np.nan, np.float32)
    nearness = np.zeros(len(examples), np.float32)
    strangers: list[NDArray[Any]] = []
    episodes: list[tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]] = []
    fold = folds(examples, FOLDS, seed)
    group = {
        name: int(g)
        for name, g in zip(classes, np.random.default_rng(seed).permutation(len(classes)) % FOLDS, strict=True)
    }
    for k in range(FOLDS):
        test = np.flatnonzero(fold == k)
        rest = np.flatnonzero(fold != k)
        model = IntentModel.fit(encoded.rows(rest), labels[rest].tolist(), seed=seed)
        # An intent this fold never saw stays NaN.
        columns = np.array([index[c] if c in index else len(classes) for c in model.classes])
        logits[np.ix_(test, columns)] = model.logits(encoded.rows(test))
        nearness[test] = model.nearness(encoded.rows(test))
        progress((2 * k + 1) / (2 * FOLDS))
        # What an unknown intent looks like: a model that never saw this quarter of the intents reads their examples.
        away = np.array([label != OUT_OF_SCOPE and group[label] == k for label in labels])
        known = rest[~away[rest]]
        unknown = test[away[test]]
        if len(set(labels[known]) - {OUT_OF_SCOPE}) >= 2 and len(unknown):
            blind = IntentModel.fit(encoded.rows(known), labels[known].tolist(), seed=seed)
            rows = encoded.rows(unknown)
            seen = blind.logits(rows)
            strange_hidden = seen.shape[1] - 1 if OUT_OF_SCOPE in blind.classes else None
            strangers.append(OosModel.features(seen, blind.nearness(rows), strange_hidden))
            episodes += _episodes(blind, encoded, labels, known=known, rest=rest, test=test, seed=seed + k)
        progress((2 * k + 2) / (2 * FOLDS))
    logits = np.where(np.isnan(logits), np.nanmin(logits, axis=1, keepdims=True) - 1, logits)
    inside = labels != OUT_OF_SCOPE
    features = OosModel.features(logits, nearness, hidden)
    outside = [np.concatenate(strangers)] if strangers else []
    weights = [np.full(len(outside[0]), 1 / len(outside[0]))] if outside else []
    if negatives:
        outside.append(features[~inside])
        weights.append(np.full(int((~inside).sum()), 1 / max(1, int((~inside).sum()))))
    fitted = Calibrations()
    oos: NDArray[Any] = np.zeros(len(examples))
    if outside:
        fitted.oos = OosModel.fit(features[inside], np.concatenate(outside), np.concatenate(weights))
        oos = fitted.oos.probability(features)
    if episodes:
        fitted.judge = _judge(episodes)
    unseen = _Unseen(logits[:, : len(classes)], labels, inside, languages, oos, index)
    return fitted, _by_language(fitted, unseen, bound)


def _episodes(
    blind: IntentModel,
    encoded: Encoded,
    labels: NDArray[Any],
    *,
    known: NDArray[Any],
    rest: NDArray[Any],
    test: NDArray[Any],
    seed: int,
) -> list[tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Hidden intents as if they were new, a few at a time: (features, belongs to its nearest new one, is new)."""
    rng = np.random.default_rng(seed)
    seen = set(labels[known])
    hidden = [name for name in sorted(set(labels[test]) - seen) if (labels[rest] == name).sum() >= fewshot.SHOTS]
    others = test[np.isin(labels[test], sorted(seen))]
    found = []
    for group in (hidden[i : i + _NEW_AT_ONCE] for i in range(0, len(hidden), _NEW_AT_ONCE)):
        shots = [
            intents.meaning(encoded.rows(rng.choice(rest[labels[rest] == name], fewshot.SHOTS, replace=False)))
            for name in group
        ]
        own = test[np.isin(labels[test], group)]
        sample = rng.choice(others, min(len(others), 4 * len(own)), replace=False)
        rows = np.concatenate([own, sample])
        near = compare(blind, encoded.rows(rows), shots)
        belongs = np.array(group)[near.values.argmax(axis=1)] == labels[rows]
        found.append((near.features, belongs, np.arange(len(rows)) < len(own)))
    return found


def _judge(episodes: Sequence[tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]]) -> fewshot.Judge:
    features, right, new = (np.concatenate(parts) for parts in zip(*episodes, strict=True))
    weight = np.where(new, fewshot.PRIOR / max(1, new.sum()), (1 - fewshot.PRIOR) / max(1, (~new).sum()))
    return fewshot.Judge.fit(features, right, weight)


@dataclass(frozen=True)
class _Unseen:
    """Every example as a model read it that had not seen it."""

    logits: NDArray[Any]  # of the intents, without the hidden class
    labels: NDArray[Any]
    inside: NDArray[np.bool_]
    languages: NDArray[Any]
    oos: NDArray[Any]
    index: dict[str, int]

    def targets(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Class numbers, -1 for out of scope."""
        return np.array([self.index.get(label, -1) for label in self.labels[rows]], np.int64)


def _by_language(fitted: Calibrations, unseen: _Unseen, bound: float) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    pooled = np.ones(len(unseen.labels), bool)
    for language in LANGUAGES:
        own = unseen.languages == language
        rows = own if (own & unseen.inside).sum() >= _LEAST_TO_CALIBRATE else pooled
        known = np.flatnonzero(rows & unseen.inside)
        calibration = Calibration.fit(unseen.logits[known], unseen.targets(known), unseen.oos[known])
        threshold = _threshold(calibration, unseen, [rows, pooled], bound)
        fitted.languages[language], fitted.thresholds[language] = calibration, threshold
        known = np.flatnonzero(own & unseen.inside)
        if not len(known):
            continue
        p = calibration.probabilities(unseen.logits[known], unseen.oos[known])
        right = p.argmax(axis=1) == unseen.targets(known)
        metrics[language] = {
            "examples": int(own.sum()),
            "intent_accuracy": round(float(right.mean()), 4),
            "ece": round(calibrate.expected_calibration_error(p.max(axis=1), right.astype(float)), 4),
            "coverage_at_risk_bound": round(threshold.coverage, 4),
            "error_at_risk_bound": round(threshold.error, 4),
        }
    return metrics


def _threshold(
    calibration: Calibration, unseen: _Unseen, choices: Sequence[NDArray[np.bool_]], bound: float
) -> Threshold:
    """For the language alone, else for all languages together, else without a guarantee at the observed error rate."""
    for rows in choices:
        p = np.sort(calibration.probabilities(unseen.logits[rows], unseen.oos[rows]), axis=1)
        right = unseen.targets(rows) == unseen.logits[rows].argmax(axis=1)
        found = calibrate.risk_threshold(p[:, -1], p[:, -1] - p[:, -2], right, bound=bound)
        if found.guaranteed:
            return found
    return calibrate.observed_threshold(p[:, -1], right, bound=bound)
