"""The hand-written backward pass against differences, and that tuning learns what a linear head cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from server.nlu import tuned, tuning
from server.nlu.encoders import Array

WIDTH, HEADS, INNER, CLASSES = 16, 2, 32, 3


def layers(count: int, rng: np.random.Generator) -> dict[str, Array]:
    weights: dict[str, Array] = {}
    square = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
    shapes = dict.fromkeys(square, (WIDTH, WIDTH))
    shapes |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
    for layer in range(count):
        for part, shape in shapes.items():
            weights[f"encoder.layer.{layer}.{part}.weight"] = rng.normal(0, 0.2, shape).astype(np.float32)
            weights[f"encoder.layer.{layer}.{part}.bias"] = rng.normal(0, 0.1, shape[0]).astype(np.float32)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"encoder.layer.{layer}.{part}.weight"] = rng.normal(1, 0.1, WIDTH).astype(np.float32)
            weights[f"encoder.layer.{layer}.{part}.bias"] = rng.normal(0, 0.1, WIDTH).astype(np.float32)
    return weights


def model(count: int = 2) -> tuning.Classifier:
    rng = np.random.default_rng(0)
    made = tuning.Classifier(layers(count, rng), range(count), heads=HEADS, epsilon=1e-12, classes=CLASSES)
    made.p["head.w"][:] = rng.normal(0, 0.02, made.p["head.w"].shape)
    return made


def texts(count: int, rng: np.random.Generator) -> list[Array]:
    return [rng.normal(size=(int(rng.integers(2, 7)), WIDTH)).astype(np.float32) for _ in range(count)]


def test_gradients_agree_with_differences() -> None:
    rng = np.random.default_rng(1)
    made = model()
    batch = tuning.Batch.of(texts(5, rng))
    targets = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, 5)]
    made.loss(batch, targets)
    gradients = made.gradients.copy()
    chosen = rng.choice(np.flatnonzero(np.abs(gradients) > 1e-3), 60, replace=False)
    step = 1e-2
    for i in chosen:
        before = made.values[i]
        made.values[i] = before + step
        above = made.loss(batch, targets)
        made.values[i] = before - step
        below = made.loss(batch, targets)
        made.values[i] = before
        assert (above - below) / (2 * step) == pytest.approx(gradients[i], rel=0.1, abs=3e-3)


def test_a_text_reads_the_same_alone_and_among_others() -> None:
    rng = np.random.default_rng(2)
    made, read = model(), texts(4, rng)
    together = made.logits(tuning.Batch.of(read))
    alone = np.concatenate([made.logits(tuning.Batch.of([text])) for text in read])
    assert together == pytest.approx(alone, abs=1e-4)


def test_tuning_learns_what_only_the_order_of_words_tells() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, WIDTH)).astype(np.float32)
    places = rng.normal(size=(2, WIDTH)).astype(np.float32)
    labels = rng.integers(0, 2, 400)
    # The same two words with places; the mean over the text is equal for both classes.
    read = [np.stack([a + places[y], b + places[1 - y]]).astype(np.float32) for y in labels]
    made = model(1)
    tuning.fit(made, read, np.eye(CLASSES, dtype=np.float32)[labels], epochs=8, seed=0)
    found = tuned.in_batches(made.logits, read, CLASSES).argmax(axis=1)
    assert (found == labels).mean() > 0.95


def test_the_stored_graph_reads_like_the_trained_layers(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    made, read = model(), texts(9, rng)
    tuned.save(made, tmp_path / "tuned.onnx")
    exact = tuned.in_batches(made.logits, read, CLASSES)
    exact -= exact.mean(axis=1, keepdims=True)
    stored = tuned.Tuned(tmp_path / "tuned.onnx").logits(read)
    assert stored == pytest.approx(exact, abs=0.15 * float(np.abs(exact).max()))


@pytest.mark.parametrize(("signal", "expected"), [(3.0, True), (0.0, False)])
def test_tuned_logits_count_as_much_as_they_help(signal: float, *, expected: bool) -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 4, 400)
    truth = np.eye(4)[labels]
    frozen = (2 * truth + rng.normal(size=(400, 4))).astype(np.float32)
    more = (signal * truth + rng.normal(size=(400, 4)) * (1 + 3 * (signal == 0))).astype(np.float32)
    assert (tuned.best_weight(frozen, more, labels) > 0.4) == expected
