"""A language model that runs in this process: on ONNX Runtime from a GGUF file, or through transformers.

`generate` is the loop that both share: it asks a `Decoder` for the logits after a sequence, masks what the schema does
not allow, chooses, and writes what has no alternative without asking. Text of messages is never read as control
tokens, so a customer cannot end a turn or begin another.
"""

from __future__ import annotations

import asyncio
import codecs
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from server.llm import gguf, schema
from server.llm.gguf import ModelFileError, Precision
from server.llm.grammar import Vocabulary
from server.llm.protocol import Completion, LlmError, Message, Request, Token
from server.nlu import weights

Logits = NDArray[np.floating[Any]]
READ_AT_ONCE: Final = 128  # tokens of a prompt, between two looks at whether anybody still waits
SLOTS: Final = 2  # conversations whose cache is kept, for what they share with the next one
EMBEDDED: Final = "embedded"


class Decoder(Protocol):
    """What generating needs of a model."""

    name: str
    context: int
    vocabulary: Vocabulary
    ends: frozenset[int]

    def chat(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a chat, up to where the assistant begins to answer."""
        ...

    def logits(self, ids: Sequence[int]) -> Logits:
        """Of the token after `ids`, (vocabulary,)."""
        ...

    def known(self, ids: Sequence[int]) -> int:
        """How many of the first `ids` need not be read again."""
        ...


@dataclass(frozen=True)
class Piece:
    """A token as it was chosen: its bytes, log-probability and alternatives (bytes, log-probability)."""

    data: bytes
    logprob: float
    top: tuple[tuple[bytes, float], ...]


def open_decoder(model: str = EMBEDDED, *, precision: Precision = "int8", revision: str = "") -> Decoder:
    """The model that a setting names: `embedded`, a .gguf file, or a folder or id in Hugging Face form (`revision`).

    Raises `ModelFileError` where it cannot be opened, with what to do.
    """
    if model == EMBEDDED:
        return OnnxDecoder(gguf.embedded(), precision)
    if model.endswith(".gguf"):
        return OnnxDecoder(Path(model).expanduser(), precision)
    from server.llm.hf import TransformersDecoder  # noqa: PLC0415 (needs the extra)

    return TransformersDecoder(model, revision)


class OnnxDecoder:
    """A GGUF model on ONNX Runtime. Not thread-safe."""

    def __init__(self, source: Path, precision: Precision = "int8") -> None:
        import onnxruntime  # noqa: PLC0415 (loads the runtime)
        from tokenizers import Tokenizer  # noqa: PLC0415 (loads the runtime)

        made = gguf.converted(source, precision)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = weights.THREADS
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(str(made.model), options, providers=["CPUExecutionProvider"])
        self._tokenizer: Any = Tokenizer.from_file(str(made.tokenizer))
        # Control tokens inside a text are read letter by letter.
        self._tokenizer.encode_special_tokens = True
        self.name = made.name
        self.context = made.context
        self._layers = made.layers
        shape = (1, made.kv_heads, made.context, made.head_size)
        self._slots = [_Slot(_caches(onnxruntime, made.layers, shape)) for _ in range(SLOTS)]
        self._template, ends = _template(self._tokenizer, source)
        self.ends = frozenset(ends)
        self.vocabulary = Vocabulary(_token_bytes(self._tokenizer))

    def chat(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a chat."""
        return self._template(messages)

    def known(self, ids: Sequence[int]) -> int:
        """How much of the beginning of `ids` a kept cache holds."""
        return max(slot.shared(ids) for slot in self._slots)

    def logits(self, ids: Sequence[int]) -> Logits:
        """The logits after `ids`; what a kept cache already holds of them is not computed again."""
        slot = max(self._slots, key=lambda s: (s.shared(ids), -s.used))
        # A slot that shares almost nothing with the request is better left to the conversation it belongs to.
        if slot.shared(ids) * 4 < len(slot.ids):
            slot = min(self._slots, key=lambda s: s.used)
        past = min(slot.shared(ids), len(ids) - 1)
        slot.used = time.monotonic()
        binding = self._session.io_binding()
        binding.bind_cpu_input("input_ids", np.array([ids[past:]], np.int64))
        binding.bind_cpu_input("seqlens_k", np.array([len(ids) - 1], np.int32))
        binding.bind_cpu_input("total", np.array(len(ids), np.int32))
        for name, value in slot.caches.items():
            binding.bind_ortvalue_input(f"past_{name}", value)
            binding.bind_ortvalue_output(name, value)
        binding.bind_output("logits", "cpu")
        slot.ids = list(ids[:past])  # where the run fails, what follows is not to be trusted
        self._session.run_with_iobinding(binding)
        slot.ids = list(ids)
        outputs = binding.get_outputs()
        logits: NDArray[np.float32] = outputs[-1].numpy()[0, 0]
        return logits


class _Slot:
    def __init__(self, caches: dict[str, Any]) -> None:
        self.caches = caches
        self.ids: list[int] = []
        self.used = 0.0

    def shared(self, ids: Sequence[int]) -> int:
        count = 0
        for mine, theirs in zip(self.ids, ids, strict=False):
            if mine != theirs:
                break
            count += 1
        return count


def _caches(onnxruntime: Any, layers: int, shape: tuple[int, ...]) -> dict[str, Any]:
    # Zeros are not touched before they are used, so an unused context costs address space and no memory.
    return {
        f"{part}_{i}": onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))
        for i in range(layers)
        for part in "kv"
    }


def _template(tokenizer: Any, source: Path) -> tuple[Callable[[Sequence[Message]], list[int]], list[int]]:
    """How a chat is written for this model, and the tokens that end an answer."""

    def special(name: str) -> int | None:
        found: int | None = tokenizer.token_to_id(name)
        return found

    def plain(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    start, end = special("<|im_start|>"), special("<|im_end|>")
    if start is not None and end is not None:

        def chatml(messages: Sequence[Message]) -> list[int]:
            ids: list[int] = []
            for m in messages:
                ids += [start, *plain(f"{m.role}\n{m.content}"), end, *plain("\n")]
            return [*ids, start, *plain("assistant\n")]

        return chatml, [end, *(i for i in [special("<|endoftext|>")] if i is not None)]
    header, header_end, turn = special("<|start_header_id|>"), special("<|end_header_id|>"), special("<|eot_id|>")
    begin = special("<|begin_of_text|>")
    if header is not None and header_end is not None and turn is not None and begin is not None:

        def llama3(messages: Sequence[Message]) -> list[int]:
            ids = [begin]
            for m in messages:
                ids += [header, *plain(m.role), header_end, *plain(f"\n\n{m.content}"), turn]
            return [*ids, header, *plain("assistant"), header_end, *plain("\n\n")]

        return llama3, [turn, *(i for i in [special("<|end_of_text|>")] if i is not None)]
    raise ModelFileError(
        f"{source}: its chat format is not known (ChatML and Llama 3 are); "
        "use the model in Hugging Face form, or serve it and give its address"
    )


def byte_of_character() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for: printable ones stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(b): b for b in printable}
    others = (b for b in range(256) if b not in printable)
    return table | {chr(256 + n): b for n, b in enumerate(others)}


def _token_bytes(tokenizer: Any) -> list[bytes | None]:
    table = byte_of_character()
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    added = set(tokenizer.get_added_tokens_decoder())
    found: list[bytes | None] = [None] * (max(vocabulary.values()) + 1)
    for token, index in vocabulary.items():
        if index not in added and all(c in table for c in token):
            found[index] = bytes(table[c] for c in token)
    return found


# ---------------------------------------------------------------- generating


def generate(decoder: Decoder, request: Request, stopped: Callable[[], bool] = lambda: False) -> Iterator[Piece]:
    """Tokens of an answer as they are chosen, at most `request.max_tokens`.

    Log-probabilities are those of the tokens that the schema allows, at temperature 1. With a schema, the answer is
    complete JSON wherever `max_tokens` has room for the shortest one: towards the end, the shortest way to close it is
    taken. `stopped` is asked before each token; the caller looks for stop texts.

    Raises `LlmError("too_long")` where the messages leave no room in the context.
    """
    ids = decoder.chat(request.messages)
    if len(ids) + 1 >= decoder.context:
        raise LlmError("too_long", f"the messages have {len(ids)} tokens, the model reads {decoder.context}")
    room = min(request.max_tokens, decoder.context - len(ids))
    vocabulary, top = decoder.vocabulary, request.top_logprobs or 0
    state = None if request.schema is None else schema.compiled(request.schema)
    rng = np.random.default_rng(request.seed)
    closing = False
    for end in range(decoder.known(ids) + READ_AT_ONCE, len(ids), READ_AT_ONCE):
        if stopped():
            return
        decoder.logits(ids[:end])
    while room > 0 and not stopped():
        if state is not None:
            # Closing costs at most a token for each byte.
            ending = schema.shortest_end(state)
            chosen = vocabulary.spell(ending if closing or len(ending) > room else schema.forced(state))[:room]
            for token in chosen:
                data = vocabulary.tokens[token] or b""
                state = vocabulary.advance(state, token)
                yield Piece(data, 0.0, ((data, 0.0),) if top else ())
            ids += chosen
            room -= len(chosen)
            if state == frozenset({None}):
                return
            if chosen:
                continue
        logits = decoder.logits(ids)
        allowed = _allowed(decoder, state, len(logits))
        scores = np.where(allowed, logits, -np.inf)
        logprobs = scores - _logsumexp(scores)
        token = _choose(logprobs, request.temperature, rng)
        if token in decoder.ends:
            return
        if state is not None:
            reached = vocabulary.advance(state, token)
            if len(schema.shortest_end(reached)) >= room:
                closing = True  # after this token there would be no room left to end
                continue
            state = reached
        data = vocabulary.tokens[token] or b""
        yield Piece(data, float(logprobs[token]), _alternatives(vocabulary, logprobs, token, top))
        ids.append(token)
        room -= 1


def _allowed(decoder: Decoder, state: schema.State | None, width: int) -> NDArray[np.bool_]:
    vocabulary = decoder.vocabulary
    allowed = np.zeros(width, np.bool_)
    if state is None:
        allowed[: vocabulary.size] = vocabulary.textual[:width]
    else:
        allowed[: vocabulary.size] = vocabulary.mask(state)[:width]
    if state is None or schema.accepts(state):
        allowed[[i for i in decoder.ends if i < width]] = True
    return allowed


def _logsumexp(scores: Logits) -> float:
    highest = scores.max()
    return float(highest + np.log(np.exp(scores - highest).sum()))


def _choose(logprobs: Logits, temperature: float, rng: np.random.Generator) -> int:
    if temperature <= 0:
        return int(logprobs.argmax())
    # Gumbel-max: the largest of log-probability / temperature + Gumbel noise is a sample.
    return int((logprobs / temperature + rng.gumbel(size=len(logprobs))).argmax())


def _alternatives(vocabulary: Vocabulary, logprobs: Logits, token: int, top: int) -> tuple[tuple[bytes, float], ...]:
    if not top:
        return ()
    likeliest = np.argpartition(-logprobs, min(top, len(logprobs) - 1))[:top]
    ordered = sorted(likeliest.tolist(), key=lambda i: -logprobs[i])
    return tuple((vocabulary.tokens[i] or b"", float(logprobs[i])) for i in ordered if np.isfinite(logprobs[i]))


class Writer:
    """Bytes of tokens to text: characters that tokens share are put together, stop texts end the answer."""

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stop = [s for s in stop if s]
        self._held = ""
        self.stopped = False

    def write(self, data: bytes, *, last: bool = False) -> str:
        """The text that is certain after these bytes; what may be the beginning of a stop text is held back."""
        if self.stopped:
            return ""
        self._held += self._decode.decode(data, final=last)
        cut = min((at for s in self._stop if (at := self._held.find(s)) >= 0), default=-1)
        if cut >= 0:
            self.stopped = True
            text, self._held = self._held[:cut], ""
            return text
        keep = 0 if last else max((_overlap(self._held, s) for s in self._stop), default=0)
        certain = len(self._held) - keep
        text, self._held = self._held[:certain], self._held[certain:]
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


def token_text(data: bytes) -> str:
    """A token's bytes as text; an unfinished character shows as U+FFFD, as the protocol has it."""
    return data.decode(errors="replace")


def complete(decoder: Decoder, request: Request, stopped: Callable[[], bool] = lambda: False) -> Completion:
    """The whole answer. Raises `LlmError`."""
    writer, text, tokens, count = Writer(request.stop), "", [], 0
    for piece in generate(decoder, request, lambda: stopped() or writer.stopped):
        text += writer.write(piece.data)
        count += 1
        if request.top_logprobs is not None:
            top = tuple((token_text(d), p) for d, p in piece.top)
            tokens.append(Token(token_text(piece.data), piece.logprob, top, len(piece.data)))
    text += writer.write(b"", last=True)
    cut = not writer.stopped and count >= request.max_tokens
    prompt = len(decoder.chat(request.messages))
    return Completion(text, tuple(tokens), "length" if cut else "stop", prompt, count, decoder.name)


class LocalChat:
    """A `Chat` over a decoder in this process: one completion at a time, in its own thread; at most `queue` wait."""

    def __init__(self, decoder: Decoder, *, queue: int = 64) -> None:
        self._decoder = decoder
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="llm")
        self._room = queue
        self._waiting = 0

    @property
    def model(self) -> str:
        """The model's own name."""
        return self._decoder.name

    async def complete(self, request: Request, deadline_s: float) -> Completion:
        """One completion; past the deadline the computation stops at its next token."""
        if self._waiting >= self._room:
            raise LlmError("overloaded", f"{self._waiting} requests are waiting")
        given_up = threading.Event()
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline_s):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(
                    self._executor, lambda: complete(self._decoder, request, given_up.is_set)
                )
        except TimeoutError:
            raise LlmError("deadline", f"no answer within {deadline_s:g} s") from None
        finally:
            given_up.set()
            self._waiting -= 1

    async def close(self) -> None:
        """Stop the thread; a running completion has stopped by its deadline."""
        self._executor.shutdown(wait=False, cancel_futures=True)
