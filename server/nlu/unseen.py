"""What models say of messages that they have not seen: the ground of every calibrated number.

A few folds, no sentence pattern split between them. Each is read by a model trained on the others, and the messages of
a quarter of the intents besides by a model that knows nothing of those intents: that is what a stranger looks like.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.nlu import calibrate, fewshot, intents
from server.nlu.calibrate import Calibration, Calibrations, Ladder, OosModel
from server.nlu.data import OUT_OF_SCOPE, Example
from server.nlu.entities import MEANT
from server.nlu.intents import Encoded, IntentModel, class_names, compare
from server.nlu.language import LANGUAGES, Language
from server.nlu.text import align
from server.nlu.tuned import Draft, best_weight

_FOLDS: Final = 4
_FOLDS_OF_MANY: Final = 6
_MANY: Final = 8_000  # examples from which on two folds calibrate well enough
_READ_OF_MANY: Final = 2
_NEW_AT_ONCE: Final = 3  # hidden intents that an episode treats as new
_LEAST_TO_CALIBRATE: Final = 40  # messages of a language; below, both languages share numbers

Episode = tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]
"""Features, whether the message belongs to its nearest new intent, and whether it is of a new one."""


def template(example: Example) -> str:
    """What is left of a sentence without its details: examples that share it go into one fold, or folds would leak."""
    text = example.text
    for span in reversed(example.entities):
        text = text[: span.start] + f"<{span.entity}>" + text[span.end :]
    text = re.sub(r"\d+", "0", align(text).text.lower())
    return re.sub(r"[^\w<>]+", "", text)


def folds(examples: Sequence[Example], seed: int, count: int = 0) -> NDArray[np.int64]:
    """A fold for each example (0: as many as suit): every intent spread evenly, one template never split."""
    count = count or (_FOLDS if len(examples) < _MANY else _FOLDS_OF_MANY)
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


@dataclass
class OutOfFold:
    """What was read unseen. Rows of messages that no fold read are NaN in `logits`."""

    logits: NDArray[Any]  # (messages, classes), of the frozen views
    nearness: NDArray[Any]  # (messages,)
    read: NDArray[np.bool_]
    strangers: list[NDArray[Any]] = field(default_factory=list)  # features of messages whose intent was hidden
    episodes: list[Episode] = field(default_factory=list)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As plain arrays, for `from_arrays`."""
        saved: dict[str, NDArray[Any]] = {"logits": self.logits, "nearness": self.nearness, "read": self.read}
        saved |= {f"stranger-{i}": rows for i, rows in enumerate(self.strangers)}
        for i, parts in enumerate(self.episodes):
            saved |= {f"episode-{i}-{k}": part for k, part in enumerate(parts)}
        return saved

    @classmethod
    def from_arrays(cls, saved: Mapping[str, NDArray[Any]]) -> OutOfFold:
        """The inverse of `arrays`."""
        strangers = sum(name.startswith("stranger-") for name in saved)
        episodes = sum(name.startswith("episode-") for name in saved) // 3
        return cls(
            saved["logits"],
            saved["nearness"],
            saved["read"],
            [saved[f"stranger-{i}"] for i in range(strangers)],
            [(saved[f"episode-{i}-0"], saved[f"episode-{i}-1"], saved[f"episode-{i}-2"]) for i in range(episodes)],
        )


def read_unseen(
    encoded: Encoded,
    labels: Sequence[str],
    fold: NDArray[np.int64],
    *,
    seed: int,
) -> OutOfFold:
    """Train on all folds but one and read that one, for every fold; of many examples two folds will do."""
    y = np.array(labels)
    classes = class_names(labels)
    chosen = range(_FOLDS) if len(y) < _MANY else range(_READ_OF_MANY)
    found = OutOfFold(
        np.full((len(y), len(classes)), np.nan, np.float32), np.zeros(len(y), np.float32), np.isin(fold, chosen)
    )
    index = {name: i for i, name in enumerate(classes)}
    names = sorted(set(labels) - {OUT_OF_SCOPE})
    quarter = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % _FOLDS, strict=True))
    for k in chosen:
        test, rest = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        model = IntentModel.fit(encoded.rows(rest), y[rest].tolist(), seed=seed)
        rows = encoded.rows(test)
        found.logits[np.ix_(test, np.array([index[c] for c in model.classes]))] = model.logits(rows)
        found.nearness[test] = model.nearness(rows)
        if k > 0 and len(y) >= _MANY:
            continue
        hidden = np.array([quarter.get(label) == k for label in labels])
        _read_strangers(found, encoded, y, known=rest[~hidden[rest]], rest=rest, test=test, seed=seed + k)
    seen = found.logits[found.read]
    # An intent that a fold never saw is less likely than any that it did.
    found.logits[found.read] = np.where(np.isnan(seen), np.nanmin(seen, axis=1, keepdims=True) - 1, seen)
    return found


def _read_strangers(
    found: OutOfFold,
    encoded: Encoded,
    labels: NDArray[Any],
    *,
    known: NDArray[Any],
    rest: NDArray[Any],
    test: NDArray[Any],
    seed: int,
) -> None:
    """Messages of intents that a model knows nothing of, read by that model, trained on the rows `known`."""
    seen = set(labels[known])
    unknown = test[~np.isin(labels[test], sorted(seen | {OUT_OF_SCOPE}))]
    if len(seen - {OUT_OF_SCOPE}) < 2 or not len(unknown):
        return
    blind = IntentModel.fit(encoded.rows(known), labels[known].tolist(), seed=seed)
    rows = encoded.rows(unknown)
    logits = blind.logits(rows)
    found.strangers.append(OosModel.features(logits, blind.nearness(rows), blind.hidden))
    found.episodes += _episodes(blind, encoded, labels, known=known, rest=rest, test=test, seed=seed)


@dataclass(frozen=True)
class Calibrated:
    """What was fitted on unseen messages."""

    fitted: Calibrations
    tuned: dict[Language, float]  # the weight of each language's tuned layers; missing: left out
    metrics: dict[str, Any]
    guesses: dict[int, dict[str, float]]  # the likeliest intents of each message that was read unseen


def calibrated(
    data: OutOfFold,
    labels: Sequence[str],
    languages: Sequence[Language],
    drafts: Mapping[Language, Draft],
    *,
    bound: float,
) -> Calibrated:
    """Fit everything that says how sure the model may be."""
    y, spoken = np.array(labels), np.array(languages)
    inside = (y != OUT_OF_SCOPE) & data.read
    fitted, oos = _out_of_scope(data, y, inside)
    classes = [name for name in class_names(labels) if name != OUT_OF_SCOPE]
    index = {name: i for i, name in enumerate(classes)}
    logits, usable = data.logits[:, : len(classes)].copy(), data.read.copy()
    tuned: dict[Language, float] = {}
    for language, draft in drafts.items():
        known = inside[draft.rows]
        rows = draft.rows[known]
        targets = np.array([index[x] for x in y[rows]])
        more = draft.logits[:, : len(classes)]
        weight = best_weight(logits[rows], more[known], targets)
        if weight > 0:
            tuned[language] = weight
            logits[draft.rows] += np.float32(weight) * more
            usable &= (spoken != language) | np.isin(np.arange(len(y)), draft.rows)
    unseen = _Unseen(logits, y, inside & usable, usable, spoken, oos, index)
    metrics = _by_language(fitted, unseen, bound)
    return Calibrated(fitted, tuned, metrics, _guesses(fitted, unseen, classes))


def _out_of_scope(
    data: OutOfFold, labels: NDArray[Any], inside: NDArray[np.bool_]
) -> tuple[Calibrations, NDArray[Any]]:
    fitted = Calibrations()
    strange = (labels == OUT_OF_SCOPE) & data.read
    hidden = data.logits.shape[1] - 1 if OUT_OF_SCOPE in labels else None
    features = OosModel.features(np.nan_to_num(data.logits), data.nearness, hidden)
    outside = [np.concatenate(data.strangers)] if data.strangers else []
    weights = [np.full(len(outside[0]), 1 / len(outside[0]))] if outside else []
    if strange.any():
        outside.append(features[strange])
        weights.append(np.full(int(strange.sum()), 1 / int(strange.sum())))
    oos: NDArray[Any] = np.zeros(len(inside))
    if outside:
        fitted.oos = OosModel.fit(features[inside], np.concatenate(outside), np.concatenate(weights))
        oos = fitted.oos.probability(features)
    if data.episodes:
        fitted.judge = _judge(data.episodes)
    return fitted, oos


def _episodes(
    blind: IntentModel,
    encoded: Encoded,
    labels: NDArray[Any],
    *,
    known: NDArray[Any],
    rest: NDArray[Any],
    test: NDArray[Any],
    seed: int,
) -> list[Episode]:
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
        read = encoded.rows(rows)
        near = compare(read, blind.logits(read), blind.nearness(read), blind.hidden, shots)
        belongs = np.array(group)[near.values.argmax(axis=1)] == labels[rows]
        found.append((near.features, belongs, np.arange(len(rows)) < len(own)))
    return found


def _judge(episodes: Sequence[Episode]) -> fewshot.Judge:
    features, right, new = (np.concatenate(parts) for parts in zip(*episodes, strict=True))
    weight = np.where(new, fewshot.PRIOR / max(1, new.sum()), (1 - fewshot.PRIOR) / max(1, (~new).sum()))
    return fewshot.Judge.fit(features, right, weight)


@dataclass(frozen=True)
class _Unseen:
    """Every example as a model read it that had not seen it."""

    logits: NDArray[Any]  # of the intents, without the hidden class
    labels: NDArray[Any]
    inside: NDArray[np.bool_]  # in scope, and read by models that had not seen it
    usable: NDArray[np.bool_]  # the same, out of scope too
    languages: NDArray[Any]
    oos: NDArray[Any]
    index: dict[str, int]

    def targets(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Class numbers, -1 for out of scope."""
        return np.array([self.index.get(label, -1) for label in self.labels[rows]], np.int64)


def _by_language(fitted: Calibrations, unseen: _Unseen, bound: float) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    pooled = unseen.usable
    for language in LANGUAGES:
        own = (unseen.languages == language) & unseen.usable
        rows = own if (own & unseen.inside).sum() >= _LEAST_TO_CALIBRATE else pooled
        known = np.flatnonzero(rows & unseen.inside)
        calibration = Calibration.fit(unseen.logits[known], unseen.targets(known), unseen.oos[known])
        ladders = [_ladder(calibration, unseen, one) for one in (rows, pooled)]
        threshold = calibrate.found_on(ladders, bound)
        fitted.languages[language], fitted.thresholds[language] = calibration, threshold
        fitted.ladders[language] = ladders
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


def _guesses(fitted: Calibrations, unseen: _Unseen, classes: Sequence[str]) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for i in np.flatnonzero(unseen.usable):
        calibration = fitted.languages[unseen.languages[i]]
        p = calibration.probabilities(unseen.logits[i : i + 1], unseen.oos[i : i + 1])[0]
        found[int(i)] = {classes[k]: float(p[k]) for k in np.argsort(-p, kind="stable")[:MEANT]}
    return found


def _ladder(calibration: Calibration, unseen: _Unseen, rows: NDArray[np.bool_]) -> Ladder:
    p = np.sort(calibration.probabilities(unseen.logits[rows], unseen.oos[rows]), axis=1)
    right = unseen.targets(rows) == unseen.logits[rows].argmax(axis=1)
    return Ladder.of(p[:, -1], p[:, -1] - p[:, -2], right)
