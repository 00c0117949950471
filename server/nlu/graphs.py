"""ONNX graphs for the two language models, written node by node from their weights.

Building them here means that neither training nor serving needs torch: a sentence encoder of the BERT family
(Devlin et al. 2018, arXiv 1810.04805) and a decoder of the Llama family (Touvron et al. 2023, arXiv 2302.13971:
RMSNorm, rotary positions, grouped-query attention, SwiGLU), cut off after the layer whose states are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]
OPSET = 20
MASKED = -1e9  # added to attention scores that must not count; finite, so that a fully masked row stays a number


class _Graph:
    """Collects nodes and weights; every helper returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._names = 0

    def const(self, value: NDArray[np.generic] | float | list[int], name: str | None = None) -> str:
        array = np.asarray(value, dtype=np.int64 if isinstance(value, list) else None)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = name or self._fresh("c")
        self.weights.append(numpy_helper.from_array(array if array.ndim == 0 else np.ascontiguousarray(array), name))
        return name

    def op(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or self._fresh(kind)
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def _fresh(self, stem: str) -> str:
        self._names += 1
        return f"{stem}_{self._names}"

    def linear(self, x: str, weight: Array, bias: Array | None = None) -> str:
        """`x @ weight.T + bias`; `weight` is stored (out, in) as the checkpoints have it."""
        y = self.op("MatMul", x, self.const(weight.T))
        return y if bias is None else self.op("Add", y, self.const(bias))

    def split_heads(self, x: str, heads: int, size: int) -> str:
        """(batch, length, heads*size) → (batch, heads, length, size)."""
        return self.op("Transpose", self.op("Reshape", x, self.const([0, 0, heads, size])), perm=[0, 2, 1, 3])

    def attend(self, q: str, k: str, v: str, bias: str, *, size: int, width: int) -> str:
        """Scaled dot-product attention of (batch, heads, length, size) with an additive bias.

        Back to (batch, length, width).
        """
        scores = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = self.op("Add", self.op("Mul", scores, self.const(size**-0.5)), bias)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        return self.op("Reshape", self.op("Transpose", mixed, perm=[0, 2, 1, 3]), self.const([0, 0, width]))

    def model(self, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]) -> onnx.ModelProto:
        """The finished model; inputs and outputs by name, with their shape after the batch.

        -1 stands for the length of the texts. Inputs without a width are int64, everything else is float.
        """

        def value(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
            kind = TensorProto.INT64 if name in inputs and len(shape) == 1 else TensorProto.FLOAT
            return helper.make_tensor_value_info(name, kind, ["batch", *("length" if n < 0 else n for n in shape)])

        ins, outs = ([value(n, shape) for n, shape in given.items()] for given in (inputs, outputs))
        graph = helper.make_graph(self.nodes, "encoder", ins, outs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
        onnx.checker.check_model(model)
        return model


_TOKENS: Mapping[str, Sequence[int]] = {"input_ids": [-1], "attention_mask": [-1]}


def bert(
    weights: Mapping[str, Array],
    *,
    layers: int,
    heads: int,
    epsilon: float = 1e-12,
    pooled: Sequence[int] = (),
    middle: int | None = None,
) -> onnx.ModelProto:
    """A BERT encoder: int64 `input_ids` and `attention_mask` (batch, length) in, `states` of the last layer out,
    (batch, length, width).

    `pooled`: layers (counted from 1) whose mean over the text's pieces is put side by side in a second output of
    that name; `middle`: the layer (counted from 0) whose input is a third output of that name.
    """
    g = _Graph()
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    length = g.op("Gather", g.op("Shape", "input_ids"), g.const(np.asarray(1, np.int64)))
    positions = g.op("Range", g.const(np.asarray(0, np.int64)), length, g.const(np.asarray(1, np.int64)))
    words = g.op("Gather", g.const(weights["embeddings.word_embeddings.weight"], "words"), "input_ids")
    # Every text here is one segment, so its embedding is folded into the positions.
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    x = g.op("Add", words, g.op("Gather", g.const(places), positions))
    x = _bert_norm(g, x, weights, "embeddings.LayerNorm", epsilon)
    bias = _padding_bias(g)
    means: list[str] = []
    outputs: dict[str, Sequence[int]] = {"states": [-1, width]}
    if pooled:
        outputs["pooled"] = [width * len(pooled)]
    for i in range(layers):
        if i == middle:
            g.op("Identity", x, output="middle")
            outputs["middle"] = [-1, width]
        x = _bert_layer(g, x, bias, weights, f"encoder.layer.{i}", heads=heads, epsilon=epsilon)
        if i + 1 in pooled:
            means.append(_masked_mean(g, x))
    g.op("Identity", x, output="states")
    if means:
        g.op("Concat", *means, output="pooled", axis=1)
    return g.model(_TOKENS, outputs)


def classifier(
    weights: Mapping[str, Array], *, layers: Sequence[int], heads: int, epsilon: float, head: Mapping[str, Array]
) -> onnx.ModelProto:
    """The upper layers of a BERT encoder with a linear head: `middle` (batch, length, width) and `attention_mask` in,
    `logits` (batch, classes) out.

    `head`: "mean" and "scale" of the pooled vector, which is then scaled to length 1; "weight" (width, classes) and
    "bias".
    """
    g = _Graph()
    width, classes = head["weight"].shape
    bias = _padding_bias(g)
    x = "middle"
    for i in layers:
        x = _bert_layer(g, x, bias, weights, f"encoder.layer.{i}", heads=heads, epsilon=epsilon)
    z = g.op("Div", g.op("Sub", _masked_mean(g, x), g.const(head["mean"])), g.const(head["scale"]))
    z = g.op("LpNormalization", z, axis=-1, p=2)
    g.op("Add", g.op("MatMul", z, g.const(head["weight"])), g.const(head["bias"]), output="logits")
    return g.model({"middle": [-1, width], "attention_mask": [-1]}, {"logits": [classes]})


def _bert_norm(g: _Graph, x: str, weights: Mapping[str, Array], prefix: str, epsilon: float) -> str:
    scale, shift = g.const(weights[f"{prefix}.weight"]), g.const(weights[f"{prefix}.bias"])
    return g.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)


def _bert_layer(
    g: _Graph, x: str, bias: str, weights: Mapping[str, Array], p: str, *, heads: int, epsilon: float
) -> str:
    """One layer, its weights under the prefix `p`; `bias` is added to the attention scores."""
    width = weights[f"{p}.output.dense.weight"].shape[0]
    size = width // heads

    def dense(x: str, name: str) -> str:
        return g.linear(x, weights[f"{p}.{name}.weight"], weights[f"{p}.{name}.bias"])

    q, k, v = (g.split_heads(dense(x, f"attention.self.{n}"), heads, size) for n in ("query", "key", "value"))
    mixed = dense(g.attend(q, k, v, bias, size=size, width=width), "attention.output.dense")
    x = _bert_norm(g, g.op("Add", x, mixed), weights, f"{p}.attention.output.LayerNorm", epsilon)
    wide = g.op("Gelu", dense(x, "intermediate.dense"))
    return _bert_norm(g, g.op("Add", x, dense(wide, "output.dense")), weights, f"{p}.output.LayerNorm", epsilon)


def llama(
    weights: Mapping[str, Array],
    *,
    layers: int,
    heads: int,
    kv_heads: int,
    epsilon: float,
    rope_base: float,
    max_length: int,
) -> onnx.ModelProto:
    """A causal Llama decoder with GGUF tensor names, cut after `layers`.

    Output `states` (batch, length, width) is not normed.
    """
    g = _Graph()
    width = weights["token_embd.weight"].shape[1]
    size = width // heads
    cos, sin = rotary(max_length, size, rope_base)

    def norm(x: str, weight: Array) -> str:
        square = g.op("ReduceMean", g.op("Mul", x, x), g.const([-1]), keepdims=1)
        return g.op("Mul", g.op("Div", x, g.op("Sqrt", g.op("Add", square, g.const(epsilon)))), g.const(weight))

    length = g.op("Gather", g.op("Shape", "input_ids"), g.const(np.asarray(1, np.int64)))
    positions = g.op("Range", g.const(np.asarray(0, np.int64)), length, g.const(np.asarray(1, np.int64)))
    turn_cos, turn_sin = (g.op("Gather", g.const(table), positions) for table in (cos, sin))

    def rotate(x: str) -> str:
        half = g.const([size // 2])
        first = g.op("Slice", x, g.const([0]), half, g.const([3]))
        second = g.op("Slice", x, half, g.const([size]), g.const([3]))
        turned = g.op("Concat", g.op("Neg", second), first, axis=3)
        return g.op("Add", g.op("Mul", x, turn_cos), g.op("Mul", turned, turn_sin))

    def repeat(x: str) -> str:
        """Each key/value head serves heads // kv_heads query heads (Ainslie et al. 2023, arXiv 2305.13245)."""
        index = np.repeat(np.arange(kv_heads, dtype=np.int64), heads // kv_heads)
        return g.op("Gather", x, g.const(index), axis=1)

    column = g.op("Unsqueeze", positions, g.const([1]))
    future = g.op("Cast", g.op("Greater", g.op("Unsqueeze", positions, g.const([0])), column), to=TensorProto.FLOAT)
    bias = g.op("Add", g.op("Mul", future, g.const(MASKED)), _padding_bias(g))
    x = g.op("Gather", g.const(weights["token_embd.weight"], "words"), "input_ids")
    for i in range(layers):
        p = f"blk.{i}"
        y = norm(x, weights[f"{p}.attn_norm.weight"])
        q = rotate(g.split_heads(g.linear(y, weights[f"{p}.attn_q.weight"]), heads, size))
        k = repeat(rotate(g.split_heads(g.linear(y, weights[f"{p}.attn_k.weight"]), kv_heads, size)))
        v = repeat(g.split_heads(g.linear(y, weights[f"{p}.attn_v.weight"]), kv_heads, size))
        x = g.op(
            "Add", x, g.linear(g.attend(q, k, v, bias, size=size, width=width), weights[f"{p}.attn_output.weight"])
        )
        y = norm(x, weights[f"{p}.ffn_norm.weight"])
        gate = g.linear(y, weights[f"{p}.ffn_gate.weight"])
        gated = g.op("Mul", g.op("Mul", gate, g.op("Sigmoid", gate)), g.linear(y, weights[f"{p}.ffn_up.weight"]))
        x = g.op("Add", x, g.linear(gated, weights[f"{p}.ffn_down.weight"]))
    g.op("Identity", x, output="states")
    return g.model(_TOKENS, {"states": [-1, width]})


def rotary(length: int, size: int, base: float) -> tuple[Array, Array]:
    """Cosine and sine tables (length, size) of rotary positions (Su et al.

    2021, arXiv 2104.09864), halves side by side.
    """
    frequency = base ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    angle = np.outer(np.arange(length), frequency)
    angle = np.concatenate([angle, angle], axis=1)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def unpermute(weight: Array, heads: int) -> Array:
    """Query or key rows from GGUF's order (rotary pairs adjacent) to halves side by side."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _padding_bias(g: _Graph) -> str:
    """(batch, 1, 1, length): 0 where a token is, `MASKED` where padding is."""
    mask = g.op("Unsqueeze", g.op("Cast", "attention_mask", to=TensorProto.FLOAT), g.const([1, 2]))
    return g.op("Mul", g.op("Sub", g.const(1.0), mask), g.const(MASKED))


def _masked_mean(g: _Graph, x: str) -> str:
    """Mean over the pieces of each text, (batch, width)."""
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    total = g.op("ReduceSum", g.op("Mul", x, g.op("Unsqueeze", mask, g.const([2]))), g.const([1]), keepdims=0)
    return g.op("Div", total, g.op("ReduceSum", mask, g.const([1]), keepdims=1))
