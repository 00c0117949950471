"""Prepare an engine over a language model: gather what prompts show, and calibrate on examples it is not shown.

A sample of the training examples is asked about with each one's own template withheld; those of a few intents with
these intents withheld, which is what a message out of scope looks like. From the answers come temperature, correction,
out-of-scope model and the threshold with its guarantee, by the same means as the embedded engine's
(`server.nlu.calibrate`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import logit

from server.llm import calibration, examples
from server.llm.calibration import Unseen
from server.llm.engine import Asker, Heard, Options
from server.llm.examples import Embed, Knowledge
from server.llm.masking import Finder, nothing
from server.llm.protocol import Chat, LlmError
from server.nlu import calibrate
from server.nlu.data import OUT_OF_SCOPE, DataError, Example, load, load_entities, load_intents
from server.nlu.unseen import template

Progress = Callable[[float, str], None]
SAMPLE: Final = 240
HIDDEN_GROUPS: Final = (2, 10)  # of ten groups of intents, two are withheld from the questions about their examples
_MOST_FAILURES: Final = 0.2
_EMBED_STEP: Final = 256
_TINY: Final = 1e-6


def _quiet(_fraction: float, _message: str) -> None:
    pass


@dataclass(frozen=True)
class Sources:
    """Where the examples and their meaning come from, as for `server.nlu.train.train`."""

    data_paths: Sequence[Path]
    intents_file: Path | None = None
    entities_file: Path | None = None


def gather(sources: Sources, embed: Embed, progress: Callable[[float], None] = lambda _: None) -> Knowledge:
    """Examples, vectors and descriptions. Raises `DataError` for data that cannot be used."""
    data = load(sources.data_paths)
    defined = load_intents(sources.intents_file)
    names = sorted({e.intent for e in data.examples} - {OUT_OF_SCOPE})
    if len(names) < 2:
        raise DataError("at least two intents with examples are needed")
    texts = [e.text for e in data.examples]
    parts = []
    for i in range(0, len(texts), _EMBED_STEP):
        parts.append(embed(texts[i : i + _EMBED_STEP]))
        progress(min(1.0, (i + _EMBED_STEP) / len(texts)))
    described = {name: dict((defined.get(name) or {}).get("description") or {}) for name in names}
    kinds = load_entities(sources.entities_file)
    return Knowledge(data.examples, np.concatenate(parts), described, kinds, data.synonyms)


async def prepare(
    sources: Sources,
    out: Path,
    chat: Chat,
    *,
    engine: str,
    options: Options,
    embed: Embed,
    executor: ThreadPoolExecutor,
    find_personal: Finder = nothing,
    sample: int = SAMPLE,
    seed: int = 0,
    risk_bound: float = calibrate.RISK_BOUND,
    progress: Progress = _quiet,
) -> Knowledge:
    """Prepare `engine` over `chat` and write the folder `out`, complete or not at all.

    Raises `DataError` for data that cannot be used, `LlmError` where the model fails on too many of the sample.
    """
    progress(0.0, "reading the examples")
    loop = asyncio.get_running_loop()
    knowledge = await loop.run_in_executor(
        executor, lambda: gather(sources, embed, lambda f: progress(0.3 * f, "reading with the encoders"))
    )
    asker = Asker(chat, knowledge, options, embed=embed, executor=executor, find_personal=find_personal)
    rows = _sample(knowledge.examples, sample, seed)
    heard = await _interview(
        asker, rows, seed, lambda f: progress(0.3 + 0.68 * f, f"asking {chat.model} about {len(rows)} examples")
    )
    knowledge.calibration, metrics = calibration.fit(_read(knowledge, heard), risk_bound)
    knowledge.entity_slope, knowledge.entity_shift = _entity_correction(knowledge, heard)
    digest = hashlib.sha256(
        repr([(e.text, e.intent, e.entities) for e in knowledge.examples]).encode()
        + repr((engine, chat.model, options, seed, risk_bound, sample, examples.FORMAT)).encode()
    ).hexdigest()[:12]
    facts = {
        "id": f"{engine}-{digest}", "engine": engine, "model": chat.model, "metrics": metrics, "seed": seed,
        "examples": len(knowledge.examples), "intents": len(knowledge.names),
        "options": {"neighbours": options.neighbours, "candidates": options.candidates,
                    "also_entities": options.also_entities},
    }  # fmt: skip
    with examples.written(out) as folder:
        knowledge.save(folder, entities_file=sources.entities_file, facts=facts)
    progress(1.0, "done")
    return knowledge


@dataclass(frozen=True)
class _Answered:
    row: int
    heard: Heard
    stranger: bool


def _sample(rows: Sequence[Example], count: int, seed: int) -> list[int]:
    """Examples spread evenly over intents and languages."""
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i in rng.permutation(len(rows)).tolist():
        groups[(rows[i].intent, rows[i].language)].append(i)
    order = sorted(groups)
    chosen: list[int] = []
    depth = 0
    while len(chosen) < min(count, len(rows)):
        layer = [groups[key][depth] for key in order if depth < len(groups[key])]
        rng.shuffle(layer)
        chosen += layer[: count - len(chosen)]
        depth += 1
    return chosen


def _hidden(names: Sequence[str], seed: int) -> dict[str, frozenset[str]]:
    """Intent → the intents withheld together with it, for those that are withheld."""
    withheld, groups = HIDDEN_GROUPS
    number = np.random.default_rng(seed + 1).permutation(len(names)) % groups
    members = [frozenset(n for n, g in zip(names, number, strict=True) if g == k) for k in range(withheld)]
    # Two intents at least must stay to choose from.
    return {name: group for group in members for name in group if len(names) - len(group) >= 2}


async def _interview(
    asker: Asker, rows: Sequence[int], seed: int, progress: Callable[[float], None]
) -> list[_Answered]:
    known = asker.knowledge
    own: dict[tuple[str, str], set[int]] = defaultdict(set)
    for i, e in enumerate(known.examples):
        own[(e.intent, template(e))].add(i)
    hidden = _hidden(known.names, seed)
    many = len(known.names) >= HIDDEN_GROUPS[1]
    room = asyncio.Semaphore(asker.options.concurrency)
    done = 0
    failures: list[LlmError] = []

    async def one(row: int) -> _Answered | None:
        nonlocal done
        e = known.examples[row]
        # Of a handful of intents each group is a large part: half of its examples stay in scope.
        group = hidden.get(e.intent, frozenset()) if many or row % 2 else frozenset[str]()
        async with room:
            if len(failures) > max(3, _MOST_FAILURES * len(rows)):
                return None
            try:
                heard = await asker.ask(
                    e.text,
                    e.language,
                    known.vectors[row],
                    unseen=frozenset(own[(e.intent, template(e))]),
                    hidden=group,
                )
            except LlmError as error:
                failures.append(error)
                return None
            finally:
                done += 1
                progress(done / len(rows))
        return _Answered(row, heard, bool(group))

    async with asyncio.TaskGroup() as group:
        # What begins alike is asked together: a model keeps what it has read of a prompt.
        order = sorted(
            rows, key=lambda r: (known.examples[r].language, sorted(hidden.get(known.examples[r].intent, "")))
        )
        tasks = [group.create_task(one(row)) for row in order]
    if len(failures) > max(3, _MOST_FAILURES * len(rows)):
        raise LlmError(failures[0].cause, f"{len(failures)} of {len(rows)} examples failed; the first: {failures[0]}")
    return [answered for task in tasks if (answered := task.result()) is not None]


def _read(known: Knowledge, answered: Sequence[_Answered]) -> Unseen:
    places = {name: i for i, name in enumerate(known.names)}
    labels = [known.examples[a.row].intent for a in answered]
    return Unseen(
        logits=np.stack([a.heard.logits for a in answered]),
        target=np.array([-1 if a.stranger else places.get(n, -1) for a, n in zip(answered, labels, strict=True)]),
        stranger=np.array([a.stranger for a in answered]),
        nearness=np.array([a.heard.nearness for a in answered]),
        languages=np.array([a.heard.language for a in answered]),
    )


def _entity_correction(known: Knowledge, answered: Sequence[_Answered]) -> tuple[float, float]:
    """Slope and shift of P(a detail is right) from the log-odds of its tokens."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (only when an engine is prepared)

    chances: list[float] = []
    right: list[bool] = []
    for a in answered:
        truth = {(s.start, s.end, s.entity) for s in known.examples[a.row].entities}
        chances += [d.probability for d in a.heard.details]
        right += [(d.start, d.end, d.kind) in truth for d in a.heard.details]
    if len(set(right)) < 2:
        return 1.0, 0.0
    x = logit(np.clip(np.array(chances), _TINY, 1 - _TINY))
    model = LogisticRegression().fit(x[:, None], right)
    slope = float(model.coef_[0, 0])
    if slope > 0:
        return slope, float(model.intercept_[0])
    return 0.0, float(logit(np.mean(right)))
