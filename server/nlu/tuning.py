"""The upper layers of the multilingual encoder, fine-tuned on the operator's own examples: NumPy alone.

The layers below stay frozen, so their states are computed once. Forward and backward pass follow Devlin et al. 2018
(arXiv 1810.04805); the head starts from a softmax regression on the frozen encoder, so that the first steps do not
spoil the layers (Kumar et al. 2022, arXiv 2202.10054); AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) with a
one-cycle rate. Tokens of a batch lie in one matrix without padding; only attention pads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from server.nlu.encoders import Array

BATCH: Final = 32
LAYER_RATE: Final = 2e-4
HEAD_RATE: Final = 2e-3
WARM_UP: Final = 0.1  # share of the steps
DECAY: Final = 0.01
SMOOTHING: Final = 0.1  # of the labels
DROPOUT: Final = 0.1
HEAD_SCALE: Final = 20.0  # the head's weights are this many times smaller than what they do
_BUCKET: Final = 16  # batches sorted by length together: little padding, and still random
_CHUNK: Final = 1 << 16  # parameters updated at once, so that they stay in the cache
_MASKED: Final = -1e9
_PARTS: Final = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "o",
    "attention.output.LayerNorm": "n1",
    "intermediate.dense": "i",
    "output.dense": "f",
    "output.LayerNorm": "n2",
}


@dataclass(frozen=True)
class Batch:
    """Texts as one matrix of tokens."""

    states: Array  # (tokens, width)
    text: NDArray[np.int64]  # the text of each token, ascending
    slot: NDArray[np.int64]  # its place in (texts * longest) when padded
    texts: int
    longest: int

    @classmethod
    def of(cls, states: Sequence[NDArray[Any]]) -> Batch:
        """From the states (pieces, width) of each text."""
        lengths = np.array([len(s) for s in states])
        longest = int(lengths.max())
        text = np.repeat(np.arange(len(states)), lengths)
        place = np.concatenate([np.arange(n) for n in lengths])
        return cls(np.concatenate(states).astype(np.float32), text, text * longest + place, len(states), longest)

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first token of each text."""
        return np.searchsorted(self.text, np.arange(self.texts))

    @property
    def counts(self) -> Array:
        """Tokens of each text, (texts, 1)."""
        return np.bincount(self.text, minlength=self.texts).astype(np.float32)[:, None]


class Classifier:
    """Upper layers and a head: parameters are views of one vector, and so are their gradients."""

    def __init__(
        self, weights: Mapping[str, Array], layers: Sequence[int], *, heads: int, epsilon: float, classes: int
    ) -> None:
        """`weights`: a BERT checkpoint by name; `layers`: those to tune, lowest first."""
        self.layers = list(layers)
        self.heads, self.epsilon, self.classes = heads, epsilon, classes
        named: dict[str, Array] = {}
        for layer in self.layers:
            for part, short in _PARTS.items():
                weight = weights[f"encoder.layer.{layer}.{part}.weight"]
                named[f"{layer}.{short}.w"] = weight.T if weight.ndim == 2 else weight
                named[f"{layer}.{short}.b"] = weights[f"encoder.layer.{layer}.{part}.bias"]
        self.width = len(named[f"{self.layers[0]}.n1.w"])
        self.layer_size = sum(a.size for a in named.values())
        named["head.w"] = np.zeros((self.width, classes), np.float32)
        named["head.b"] = np.zeros(classes, np.float32)
        self.values = np.concatenate([np.ravel(a) for a in named.values()]).astype(np.float32)
        self.gradients = np.zeros_like(self.values)
        self.p, self.g = (dict(self._views(named, flat)) for flat in (self.values, self.gradients))
        self.mean, self.scale = np.zeros(self.width, np.float32), np.ones(self.width, np.float32)

    @staticmethod
    def _views(named: Mapping[str, Array], flat: Array) -> Iterator[tuple[str, Array]]:
        at = 0
        for name, array in named.items():
            yield name, flat[at : at + array.size].reshape(array.shape)
            at += array.size

    def pooled(self, batch: Batch) -> Array:
        """Mean of each text's states after the last layer, (texts, width)."""
        x = batch.states
        for layer in self.layers:
            x, _ = self._forward(layer, x, batch, None)
        return np.asarray(np.add.reduceat(x, batch.starts, axis=0) / batch.counts, dtype=np.float32)

    def logits(self, batch: Batch) -> Array:
        """(texts, classes)."""
        z = (self.pooled(batch) - self.mean) / self.scale
        return np.asarray(_unit(z)[0] @ self.p["head.w"] * HEAD_SCALE + self.p["head.b"])

    def loss(self, batch: Batch, targets: Array, rng: np.random.Generator | None = None) -> float:
        """Mean cross-entropy against `targets` (texts, classes); `gradients` afterwards holds its gradient.

        `rng` switches dropout on.
        """
        x = batch.states
        steps: list[dict[str, Array]] = []
        for layer in self.layers:
            x, kept = self._forward(layer, x, batch, rng)
            steps.append(kept)
        counts = batch.counts
        pooled = np.asarray(np.add.reduceat(x, batch.starts, axis=0) / counts, dtype=np.float32)
        unit, length = _unit((pooled - self.mean) / self.scale)
        drop = _dropout(unit.shape, rng)
        fed = unit * drop
        logits = fed @ self.p["head.w"] * HEAD_SCALE + self.p["head.b"]
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        total = p.sum(axis=1, keepdims=True)
        value = float((targets * (np.log(total) - logits)).sum() / batch.texts)
        d = (p / total - targets) / np.float32(batch.texts)
        self.g["head.w"][:] = fed.T @ d * HEAD_SCALE
        self.g["head.b"][:] = d.sum(axis=0)
        d_unit = (d @ self.p["head.w"].T) * (HEAD_SCALE * drop)
        d_pooled = (d_unit - unit * (unit * d_unit).sum(axis=1, keepdims=True)) / length / self.scale
        d_x = (d_pooled / counts)[batch.text]
        for layer, kept in zip(reversed(self.layers), reversed(steps), strict=True):
            d_x = self._backward(layer, d_x, batch, kept)
        return value

    # ------------------------------------------------------------ one layer

    def _forward(
        self, layer: int, x: Array, batch: Batch, rng: np.random.Generator | None
    ) -> tuple[Array, dict[str, Array]]:
        def p(name: str) -> Array:
            return self.p[f"{layer}.{name}"]

        q, k, v = (self._padded(x @ p(f"{n}.w") + p(f"{n}.b"), batch) for n in "qkv")
        scores = q @ k.swapaxes(2, 3) * np.float32((self.width // self.heads) ** -0.5)
        empty = np.full(batch.texts * batch.longest, _MASKED, np.float32)
        empty[batch.slot] = 0
        scores += empty.reshape(batch.texts, 1, 1, batch.longest)
        scores -= scores.max(axis=3, keepdims=True)
        share = np.exp(scores, out=scores)
        share /= share.sum(axis=3, keepdims=True)
        mixed = self._packed(share @ v, batch)
        drop1 = _dropout(x.shape, rng)
        y, unit1, spread1 = self._norm(x + (mixed @ p("o.w") + p("o.b")) * drop1, p("n1.w"), p("n1.b"))
        wide = y @ p("i.w") + p("i.b")
        normal = 0.5 * (1 + erf(wide * np.float32(2**-0.5)))
        gelu = wide * normal
        drop2 = _dropout(x.shape, rng)
        out, unit2, spread2 = self._norm(y + (gelu @ p("f.w") + p("f.b")) * drop2, p("n2.w"), p("n2.b"))
        kept = {
            "x": x, "q": q, "k": k, "v": v, "share": share, "mixed": mixed, "drop1": drop1, "unit1": unit1,
            "spread1": spread1, "y": y, "wide": wide, "normal": normal, "gelu": gelu, "drop2": drop2, "unit2": unit2,
            "spread2": spread2,
        }  # fmt: skip
        return out, kept

    def _backward(self, layer: int, d: Array, batch: Batch, kept: dict[str, Array]) -> Array:
        def p(name: str) -> Array:
            return self.p[f"{layer}.{name}"]

        d_sum = self._norm_back(layer, "n2", d, kept["unit2"], kept["spread2"])
        d_gelu = self._dense_back(layer, "f", kept["gelu"], d_sum * kept["drop2"])
        density = np.exp(-0.5 * kept["wide"] ** 2) * np.float32((2 * np.pi) ** -0.5)
        d_wide = d_gelu * (kept["normal"] + kept["wide"] * density)
        d_sum = self._norm_back(
            layer, "n1", d_sum + self._dense_back(layer, "i", kept["y"], d_wide), kept["unit1"], kept["spread1"]
        )
        d_mixed = self._padded(self._dense_back(layer, "o", kept["mixed"], d_sum * kept["drop1"]), batch)
        share = kept["share"]
        d_share = d_mixed @ kept["v"].swapaxes(2, 3)
        d_scores = share * (d_share - (d_share * share).sum(axis=3, keepdims=True))
        d_scores *= np.float32((self.width // self.heads) ** -0.5)
        for name, grown in (
            ("q", d_scores @ kept["k"]),
            ("k", d_scores.swapaxes(2, 3) @ kept["q"]),
            ("v", share.swapaxes(2, 3) @ d_mixed),
        ):
            d_sum = d_sum + self._dense_back(layer, name, kept["x"], self._packed(grown, batch))
        return d_sum

    def _padded(self, x: Array, batch: Batch) -> Array:
        """(tokens, width) → (texts, heads, longest, size)."""
        grid = np.zeros((batch.texts * batch.longest, self.width), np.float32)
        grid[batch.slot] = x
        return grid.reshape(batch.texts, batch.longest, self.heads, -1).swapaxes(1, 2)

    def _packed(self, x: Array, batch: Batch) -> Array:
        """The inverse of `_padded`."""
        return np.asarray(x.swapaxes(1, 2).reshape(-1, self.width)[batch.slot])

    def _norm(self, x: Array, weight: Array, bias: Array) -> tuple[Array, Array, Array]:
        centred = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + np.float32(self.epsilon))
        unit = centred / spread
        return unit * weight + bias, unit, spread

    def _norm_back(self, layer: int, name: str, d: Array, unit: Array, spread: Array) -> Array:
        self.g[f"{layer}.{name}.w"][:] = (d * unit).sum(axis=0)
        self.g[f"{layer}.{name}.b"][:] = d.sum(axis=0)
        d = d * self.p[f"{layer}.{name}.w"]
        back = d - d.mean(axis=1, keepdims=True) - unit * (d * unit).mean(axis=1, keepdims=True)
        return np.asarray(back / spread)

    def _dense_back(self, layer: int, name: str, x: Array, d: Array) -> Array:
        np.matmul(x.T, d, out=self.g[f"{layer}.{name}.w"])
        self.g[f"{layer}.{name}.b"][:] = d.sum(axis=0)
        return np.asarray(d @ self.p[f"{layer}.{name}.w"].T)

    # ------------------------------------------------------------ for the deployed graph

    def checkpoint(self) -> dict[str, Array]:
        """The tuned layers under their names in a BERT checkpoint."""
        long = {short: part for part, short in _PARTS.items()}
        named = {}
        for layer in self.layers:
            for short, part in long.items():
                named[f"encoder.layer.{layer}.{part}.weight"] = np.ascontiguousarray(self.p[f"{layer}.{short}.w"].T)
                named[f"encoder.layer.{layer}.{part}.bias"] = self.p[f"{layer}.{short}.b"]
        return named

    def head(self) -> dict[str, Array]:
        """What `graphs.classifier` calls the head."""
        weight = self.p["head.w"] * np.float32(HEAD_SCALE)
        return {"mean": self.mean, "scale": self.scale, "weight": weight, "bias": self.p["head.b"]}


def _unit(z: Array) -> tuple[Array, Array]:
    length = np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-9)
    return np.asarray(z / length), length


def _dropout(shape: tuple[int, ...], rng: np.random.Generator | None) -> Array:
    if rng is None:
        return np.ones((1, 1), np.float32)
    return (rng.random(shape, np.float32) >= DROPOUT).astype(np.float32) / np.float32(1 - DROPOUT)


class _Adam:
    def __init__(self, size: int) -> None:
        self._first, self._second = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self._step = 0

    def update(self, values: Array, gradients: Array, rates: Sequence[tuple[slice, float]]) -> None:
        """One AdamW step on each slice at its rate."""
        self._step += 1
        unbias1, unbias2 = 1 - 0.9**self._step, 1 - 0.98**self._step
        for part, rate in rates:
            for at in range(part.start, part.stop, _CHUNK):
                chunk = slice(at, min(at + _CHUNK, part.stop))
                g, m, v = gradients[chunk], self._first[chunk], self._second[chunk]
                m += np.float32(0.1) * (g - m)
                v += np.float32(0.02) * (g * g - v)
                step = m / (np.sqrt(v) * np.float32(unbias2**-0.5) + np.float32(1e-8))
                values[chunk] *= np.float32(1 - rate * DECAY)
                values[chunk] -= np.float32(rate / unbias1) * step


def batches(states: Sequence[NDArray[Any]], rng: np.random.Generator, size: int = BATCH) -> Iterator[NDArray[np.int64]]:
    """Every text once: random batches of similar lengths."""
    order = rng.permutation(len(states))
    found: list[NDArray[np.int64]] = []
    for i in range(0, len(order), size * _BUCKET):
        group = order[i : i + size * _BUCKET]
        group = group[np.argsort([len(states[k]) for k in group], kind="stable")]
        found += [group[k : k + size] for k in range(0, len(group), size)]
    for k in rng.permutation(len(found)):
        yield found[k]


def fit(
    model: Classifier,
    states: Sequence[NDArray[Any]],
    targets: Array,
    *,
    epochs: int,
    seed: int,
    rate: float = 1.0,
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Train on texts given by their frozen states; `targets` (texts, classes) are label distributions.

    `rate` scales all learning rates.
    """
    rng = np.random.default_rng(seed)
    adam = _Adam(len(model.values))
    total = epochs * -(-len(states) // BATCH)
    smooth = targets * np.float32(1 - SMOOTHING) + np.float32(SMOOTHING / model.classes)
    step = 0
    for _ in range(epochs):
        for chosen in batches(states, rng):
            batch = Batch.of([states[i] for i in chosen])
            model.loss(batch, smooth[chosen], rng)
            norm = float(np.linalg.norm(model.gradients))
            if norm > 1:
                model.gradients /= np.float32(norm)
            share = (step + 1) / total
            pace = rate * min(share / WARM_UP, (1 - share) / (1 - WARM_UP))
            layers, head = slice(0, model.layer_size), slice(model.layer_size, len(model.values))
            adam.update(model.values, model.gradients, [(layers, LAYER_RATE * pace), (head, HEAD_RATE * pace)])
            step += 1
            progress(step / total)
