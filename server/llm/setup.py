"""From settings to a prepared or opened engine: what the model service and the command line share."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from prometheus_client import CollectorRegistry

from server import privacy
from server.llm import encoder, prepare
from server.llm.client import OpenAIChat
from server.llm.encoder import EncoderEngine
from server.llm.engine import Asker, Fallback, Item, LlmEngine, Metrics, Options
from server.llm.examples import MANIFEST, Embed, Knowledge
from server.llm.gguf import ModelFileError
from server.llm.local import EMBEDDED, LocalChat, open_decoder
from server.llm.masking import Finder, nothing
from server.llm.prepare import Progress, Sources
from server.llm.protocol import Chat, LlmError
from server.llm.room import Room
from server.llm.writer import Writer
from server.nlu.artefact import ArtefactError
from server.nlu.calibrate import Threshold
from server.nlu.engine import Engine, Parse
from server.settings_understanding import Understanding

T = TypeVar("T")
FAILURES = (ArtefactError, LlmError, ModelFileError)
"""What preparing and opening an engine raise, apart from `DataError` for the examples."""


class Chosen(Protocol):
    """An engine beside the embedded one."""

    @property
    def name(self) -> str:
        """As in the settings."""
        ...

    async def parse_all(self, items: Sequence[Item], within_s: float | None = None) -> list[Parse]:
        """Parse (text, locale) pairs."""
        ...

    def threshold(self, language: str, bound: float | None = None) -> Threshold:
        """When to act on a parse of this engine, at a risk bound or at that of its preparation."""
        ...

    async def warm(self) -> None:
        """Do once what would make the first messages slow."""
        ...

    async def close(self) -> None:
        """Free what it holds."""
        ...


def options(chosen: Understanding) -> Options:
    """How the model is asked."""
    # A local model reads one message after the other: more at once would only wait inside their deadlines.
    concurrency = chosen.concurrency if chosen.engine == "openai" else 1
    return Options(
        chosen.neighbours, chosen.candidates, chosen.finds_entities, chosen.deadline_s, concurrency
    )  # fmt: skip


def open_chat(chosen: Understanding) -> Chat:
    """The model of the engine `local`, else the one behind the address. Raises `ModelFileError`."""
    if chosen.engine == "local":
        return LocalChat(open_decoder(chosen.model or EMBEDDED, precision=chosen.precision, revision=chosen.revision))
    # Placeholders go out in any case; this is the gate behind them.
    gate = str if chosen.unmasked else privacy.mask
    return OpenAIChat(chosen.address, chosen.model, key_variable=chosen.key_variable, mask=gate)


def personal_data(chosen: Understanding) -> Finder:
    """What must not leave with a message: nothing for a model in this process, or where the operator allows it."""
    return nothing if chosen.engine == "local" or chosen.unmasked else privacy.find


def neighbours_embed(texts: Sequence[str]) -> Any:
    """The vectors that nearest examples are searched by, (texts, width)."""
    from server.nlu.index import embed  # noqa: PLC0415 (loads the encoders)

    return embed(texts, query=True)


def encoder_embed(model: str, revision: str = "") -> Embed:
    """The vectors of an encoder in Hugging Face form. Raises `ModelFileError`."""
    from server.llm.hf import TransformersEncoder  # noqa: PLC0415 (needs the extra)

    return TransformersEncoder(model, revision).vectors


async def prepared(
    chosen: Understanding,
    sources: Sources,
    out: Path,
    *,
    risk_bound: float,
    progress: Progress,
    seed: int = 0,
) -> dict[str, Any]:
    """Prepare the chosen engine and write the folder `out`; returns its manifest. Raises `FAILURES`, `DataError`."""
    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as executor:
        if chosen.engine == "huggingface":
            embed = encoder_embed(chosen.model, chosen.revision)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                executor,
                lambda: encoder.prepare(
                    sources, out, embed, model=chosen.model, seed=seed, risk_bound=risk_bound, progress=progress
                ),
            )
        chat = open_chat(chosen)
        try:
            knowledge = await prepare.prepare(
                sources,
                out,
                chat,
                engine=chosen.engine,
                # Nobody waits for these answers, and their numbers are wanted however slow the model is.
                options=Options(**{**vars(options(chosen)), "deadline_s": max(60.0, chosen.deadline_s)}),
                embed=neighbours_embed,
                executor=executor,
                find_personal=personal_data(chosen),
                sample=chosen.sample,
                seed=seed,
                risk_bound=risk_bound,
                progress=progress,
            )
        finally:
            await chat.close()
    return knowledge.manifest


def opened(
    chosen: Understanding,
    folder: Path,
    fallback: Fallback | None,
    *,
    executor: ThreadPoolExecutor,
    release: str = "",
    registry: CollectorRegistry | None = None,
) -> Chosen:
    """The chosen engine from its folder; encoders run in `executor`. Raises `FAILURES`.

    Without `fallback` (the embedded engine), what a language model fails at is understood as nothing.
    """
    metrics = Metrics(registry or CollectorRegistry())
    if chosen.engine == "huggingface":
        encoder.read_manifest(folder)  # before a model is loaded for nothing
        if fallback is None:
            raise ArtefactError(f"{folder}: this engine needs a trained model beside it for entities; `kefu train`")
        return EncoderEngine(
            folder, encoder_embed(chosen.model, chosen.revision), fallback,
            executor=executor, deadline_s=chosen.deadline_s, release=release, metrics=metrics,
        )  # fmt: skip
    knowledge = Knowledge.load(folder)
    asker = Asker(
        open_chat(chosen), knowledge, options(chosen),
        embed=neighbours_embed, executor=executor, find_personal=personal_data(chosen),
    )  # fmt: skip
    return LlmEngine(asker, fallback, name=chosen.engine, release=release, metrics=metrics)


def open_writer(chosen: Understanding, engine: Chosen | None, registry: CollectorRegistry) -> Writer | None:
    """Who writes answers and summaries: the engine's own model, else that behind the address; None where nobody does.

    Without an engine beside it a local model would have to be loaded for this alone: then it is not.
    """
    if not chosen.writes:
        return None
    find = personal_data(chosen)
    if isinstance(engine, LlmEngine):
        return Writer(engine.chat, engine.room, registry=registry, find_personal=find)
    if not chosen.address:
        return None
    room = Room(chosen.concurrency)
    return Writer(open_chat(chosen), room, registry=registry, find_personal=find, own=True)


def is_engine_folder(folder: Path) -> bool:
    """Whether a folder holds a prepared engine, and not a trained model."""
    return (folder / MANIFEST).is_file()


def engine_of(folder: Path) -> str:
    """Which engine a folder was prepared for. Raises `ArtefactError`."""
    try:
        return str(json.loads((folder / MANIFEST).read_text("utf-8"))["engine"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{folder / MANIFEST}: cannot be read ({error}); prepare the engine again") from None


class Blocking:
    """A chosen engine as the synchronous interface of `server.nlu`, for the command line and benchmarks."""

    def __init__(self, chosen: Understanding, folder: Path, embedded: Engine | None, *, release: str = "") -> None:
        """`embedded` answers where the engine fails; without it such a message is understood as nothing.

        Raises `FAILURES`.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="encoders")

        async def fallback(items: Sequence[Item]) -> Sequence[Parse]:
            assert embedded is not None
            return await self._loop.run_in_executor(self._executor, embedded.parse_batch, items)

        async def make() -> Chosen:
            return opened(chosen, folder, fallback if embedded else None, executor=self._executor, release=release)

        try:
            self._engine = self._wait(make())
        except BaseException:
            self._stop()
            raise
        self.name = self._engine.name

    def parse(self, text: str, locale: str | None = None) -> Parse:
        """Parse one text."""
        return self.parse_batch([(text, locale)])[0]

    def parse_batch(self, items: Sequence[Item]) -> list[Parse]:
        """Parse (text, locale) pairs, results in order."""
        return self._wait(self._engine.parse_all(items))

    def close(self) -> None:
        """Free everything."""
        self._wait(self._engine.close())
        self._stop()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._executor.shutdown(wait=True)
