"""The small language model that reads every message: SmolLM2's hidden states, for the entity tagger."""

from __future__ import annotations

from functools import cache

from server.nlu import weights
from server.nlu.encoders import OnnxEncoder

WIDTH = 576
_START_OF_TEXT = 1  # <|im_start|>


@cache
def smollm2() -> OnnxEncoder:
    """SmolLM2-135M-Instruct up to the layer whose states help most (`weights.LLM_LAYERS`)."""
    model, tokenizer = weights.smollm2()
    return OnnxEncoder(str(model), str(tokenizer), max_length=256, prefix=[_START_OF_TEXT])
