"""Models in Hugging Face form, by id or folder, through transformers: chat models and sentence encoders.

torch and transformers are an extra (`uv sync --extra hf`); a GPU is used where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.llm.gguf import ModelFileError
from server.llm.grammar import Vocabulary
from server.llm.protocol import Message

INSTALL: Final = "models in Hugging Face form need torch and transformers: uv sync --extra hf"


def libraries() -> tuple[Any, Any]:
    """torch and transformers. Raises `ModelFileError` with the way to install them where they are missing."""
    try:
        import torch  # noqa: PLC0415 (an extra)
        import transformers  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ModelFileError(f"{INSTALL} ({error})") from None
    return torch, transformers


def _device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _opened(what: str, name: str, make: Any, revision: str) -> Any:
    """``revision``: a commit, tag or branch of the model's repository; empty: what is newest there, or here."""
    try:
        return make(name, revision=revision) if revision else make(name)
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ModelFileError(f'"{name}": no {what} that transformers can open: {first}') from None


class TransformersDecoder:
    """A causal language model of transformers as a `Decoder`. Not thread-safe."""

    def __init__(self, name: str, revision: str = "") -> None:
        self._torch, transformers = libraries()
        self._tokenizer: Any = _opened("tokenizer", name, transformers.AutoTokenizer.from_pretrained, revision)
        self._cache_type: Any = transformers.DynamicCache
        self._device = _device(self._torch)
        kind = self._torch.float32 if self._device == "cpu" else "auto"
        model = _opened(
            "language model",
            name,
            lambda n, **which: transformers.AutoModelForCausalLM.from_pretrained(n, dtype=kind, **which),
            revision,
        )
        self._model: Any = model.to(self._device).eval()
        if not self._tokenizer.chat_template:
            raise ModelFileError(f'"{name}": its tokenizer has no chat template, so it is no instruct model')
        self.name = name
        self.context = int(getattr(self._model.config, "max_position_embeddings", 4096))
        ends = self._model.generation_config.eos_token_id
        found = [ends] if isinstance(ends, int) else list(ends or ())
        self.ends = frozenset([*found, *([self._tokenizer.eos_token_id] if self._tokenizer.eos_token_id else [])])
        self.vocabulary = Vocabulary(_token_bytes(self._tokenizer))
        self._cache: Any = None
        self._ids: list[int] = []

    def chat(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a chat, by the model's own template; control tokens inside a text are read as text."""
        # The template writes texts among control tokens, so each text is put in afterwards, encoded on its own.
        marks = [f"\u0091{i}\u0092" for i in range(len(messages))]
        rows = [{"role": m.role, "content": mark} for m, mark in zip(messages, marks, strict=True)]
        written = str(self._tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=True))
        ids: list[int] = []
        for message, mark in zip(messages, marks, strict=True):
            before, found, written = written.partition(mark)
            if not found:  # a template may leave a message out (some have no system messages)
                written = before
                continue
            ids += self._encoded(before, split=False) + self._encoded(message.content, split=True)
        return ids + self._encoded(written, split=False)

    def known(self, ids: Sequence[int]) -> int:
        """How much of the beginning of `ids` the cache holds."""
        count = 0
        for mine, theirs in zip(self._ids, ids, strict=False):
            if mine != theirs:
                break
            count += 1
        return count

    def logits(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The logits after `ids`; the cache of the previous call is used as far as it fits."""
        past = min(self.known(ids), len(ids) - 1)
        if self._cache is None or past == 0:
            self._cache, past = self._cache_type(config=self._model.config), 0
        elif past < len(self._ids):
            self._cache.crop(past - len(self._ids))  # so many tokens off its end
        self._ids = list(ids[:past])
        with self._torch.inference_mode():
            given = self._torch.tensor([list(ids[past:])], device=self._device)
            answer = self._model(given, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self._ids = list(ids)
        row: NDArray[np.float32] = answer.logits[0, -1].float().cpu().numpy()
        return row

    def _encoded(self, text: str, *, split: bool) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=split))


def _token_bytes(tokenizer: Any) -> list[bytes | None]:
    """Every token as the bytes it writes: byte-level vocabularies and sentencepiece ones with byte fallback."""
    from server.llm.local import byte_of_character  # noqa: PLC0415 (local imports this module)

    table = byte_of_character()
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    # A space is Ġ in byte-level vocabularies and ▁ in sentencepiece ones.
    sentencepiece = sum(t.startswith("▁") for t in vocabulary) > sum(t.startswith("Ġ") for t in vocabulary)
    found: list[bytes | None] = [None] * (max(vocabulary.values()) + 1)
    for token, index in vocabulary.items():
        if index in special:
            continue
        if not sentencepiece:
            found[index] = bytes(table[c] for c in token) if all(c in table for c in token) else None
        elif len(token) == 6 and token.startswith("<0x"):
            found[index] = bytes([int(token[3:5], 16)])
        else:
            found[index] = token.replace("▁", " ").encode()
    return found


class TransformersEncoder:
    """Any encoder as sentence vectors: the mean of its last states over a text's pieces, scaled to length 1."""

    def __init__(self, name: str, revision: str = "", *, batch: int = 32, max_length: int = 256) -> None:
        self._torch, transformers = libraries()
        self._tokenizer: Any = _opened("tokenizer", name, transformers.AutoTokenizer.from_pretrained, revision)
        self._device = _device(self._torch)
        model = _opened("encoder", name, transformers.AutoModel.from_pretrained, revision)
        self._model: Any = model.to(self._device).eval()
        self.name = name
        self._batch, self._max_length = batch, max_length
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, width), float32."""
        parts = []
        for i in range(0, len(texts), self._batch):
            given = self._tokenizer(
                list(texts[i : i + self._batch]), padding=True, truncation=True, max_length=self._max_length,
                return_tensors="pt",
            ).to(self._device)  # fmt: skip
            with self._torch.inference_mode():
                states = self._model(**given).last_hidden_state.float()
            mask = given["attention_mask"].unsqueeze(-1).float()
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            parts.append(self._torch.nn.functional.normalize(mean, dim=1).cpu().numpy())
        if not parts:
            return np.zeros((0, int(self._model.config.hidden_size)), np.float32)
        return np.concatenate(parts).astype(np.float32)
