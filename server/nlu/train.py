"""From examples to an artefact. Deterministic: the same data, seed and package versions give the same numbers."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from server.nlu import artefact, calibrate, intents
from server.nlu.artefact import Artefact
from server.nlu.aside import aside
from server.nlu.cues import Cues
from server.nlu.data import OUT_OF_SCOPE, DataError, Dataset, Example, load, load_entities, load_intents
from server.nlu.encoders import States
from server.nlu.entities import EntityModel, Reading, UnseenTagger, lessons, read, worth_tagging
from server.nlu.intents import Encoded, IntentModel, class_names
from server.nlu.language import Language
from server.nlu.resume import Arrays, Work
from server.nlu.text import Aligned, align
from server.nlu.tuned import Draft, tune
from server.nlu.tuned import save as save_tuned
from server.nlu.unseen import OutOfFold, calibrated, folds, read_unseen

Effort = Literal["quick", "full"]
Progress = Callable[[float, str], None]
_ENCODE_STEP: Final = 256
_WORTH_A_PROCESS: Final = 2_000  # examples


def _quiet(_fraction: float, _message: str) -> None:
    pass


def train(
    data_paths: Sequence[Path],
    out_dir: Path,
    *,
    intents_file: Path | None = None,
    entities_file: Path | None = None,
    seed: int = 0,
    effort: Effort = "full",
    risk_bound: float = calibrate.RISK_BOUND,
    progress: Progress = _quiet,
) -> Artefact:
    """Train intents, entities and calibration on the files in `data_paths` and write the artefact folder `out_dir`.

    `intents_file` and `entities_file` are the company's `intents.yml` and `entities.yml` (optional). `effort` "quick"
    leaves out the tuning of the encoders, which takes most of the time. `risk_bound` is the share of handled messages
    that may be misunderstood; `progress(fraction, message)` is called as the work goes on, fraction in [0, 1].

    Raises `server.nlu.data.DataError` for data that cannot be used (file and line in the message). `out_dir` appears
    complete or not at all; an artefact that was there is replaced. What an interrupted training has finished is kept
    beside it and used by the next one on the same data.
    """
    progress(0.0, "reading the examples")
    data = load(data_paths)
    defined = load_intents(intents_file)
    kinds = load_entities(entities_file)
    _check_intents(data, set(defined))
    digest = data.digest()
    key = f"{artefact.FORMAT} {digest} {seed} {effort} {artefact.versions()}"
    name = hashlib.sha256(key.encode()).hexdigest()[:12]
    work = Work(out_dir, name)
    if work.begun:
        progress(0.01, "going on with the training that was interrupted")
    # These matrices are small: on busy cores a second thread waits longer than it computes.
    with artefact.written(out_dir) as folder, threadpool_limits(limits=1, user_api="blas"):
        tagged = worth_tagging(data.examples, seed)
        encoded, aligned, readings = _encode(
            data.examples,
            tagged,
            lambda f: progress(0.02 + 0.27 * f, "reading with the language models"),
            middles=effort == "full",
        )
        encoded.vectors["cues"] = Cues.learn(data.examples, kinds, data.lookups).of(aligned)
        labels = [e.intent for e in data.examples]
        fold = folds(data.examples, seed)
        with _beside(work, replace(encoded, middles=[]), labels, fold, seed) as models:
            drafts: dict[Language, Draft] = {}
            at = 0.3
            if effort == "full":
                at = 0.7
                drafts = _tuned(
                    encoded,
                    labels,
                    fold,
                    work,
                    seed=seed,
                    progress=lambda f: progress(0.3 + 0.4 * f, "tuning the encoders"),
                )
            progress(at, "training entities")
            known: dict[str, Any] = {"kinds": kinds, "seed": seed}
            taught = lessons(data.examples, tagged, readings, read_texts=_read, **known)
            known["lookups"] = data.lookups
            EntityModel.fit(data.examples, taught, folder / "entities", **known)
            progress(0.85, "training entities on a part, to measure them on the rest")
            measured = UnseenTagger.fit(data.examples, taught, fold == 0, **known)
            progress(0.9, "training intents, and calibrating on unseen folds")
            saved, found = models()
        np.savez(folder / "intents.npz", allow_pickle=False, **saved)
        sure = calibrated(found, labels, encoded.languages, drafts, bound=risk_bound)
        entity_f1 = measured.f1(sure.guesses)
        metrics = {name: {**one, "entity_f1": entity_f1.get(name)} for name, one in sure.metrics.items()}
        for language in sure.tuned:
            save_tuned(drafts[language].model, folder / f"tuned-{language}.onnx")
        if entities_file is not None:
            shutil.copyfile(entities_file, folder / "entities.yml")
        progress(0.98, "writing the model")
        artefact.seal(
            folder,
            {
                "id": name,
                "data": {
                    "digest": digest,
                    "examples": len(data.examples),
                    "intents": len(set(labels) - {OUT_OF_SCOPE}),
                },
                "seed": seed,
                "synonyms": data.synonyms,
                "tuned": sure.tuned,
                "calibration": sure.fitted.to_json(),
                "metrics": metrics,
                "problems": [str(p) for p in data.problems],
            },
        )
    work.done()
    progress(1.0, "done")
    return Artefact.load(out_dir)


@contextmanager
def _beside(
    work: Work, encoded: Encoded, labels: Sequence[str], fold: NDArray[np.int64], seed: int
) -> Iterator[Callable[[], tuple[Arrays, OutOfFold]]]:
    """The intent model and what was read unseen, computed beside the rest where that is worth a process."""
    arguments = (work, encoded, labels, fold, seed)
    if len(labels) < _WORTH_A_PROCESS:
        yield lambda: _intents(*arguments)
        return
    with aside(_intents, *arguments) as answer:
        yield answer


def _intents(
    work: Work, encoded: Encoded, labels: Sequence[str], fold: NDArray[np.int64], seed: int
) -> tuple[Arrays, OutOfFold]:
    saved = work.step("intents", lambda: IntentModel.fit(encoded, labels, seed=seed).arrays())
    found = work.step("unseen", lambda: read_unseen(encoded, labels, fold, seed=seed).arrays())
    return saved, OutOfFold.from_arrays(found)


def _check_intents(data: Dataset, defined: set[str]) -> None:
    if len({e.intent for e in data.examples} - {OUT_OF_SCOPE}) < 2:
        raise DataError("at least two intents with examples are needed to train")
    if not defined:
        return
    for example in data.examples:
        if example.intent not in defined and example.intent != OUT_OF_SCOPE:
            raise DataError(
                f'{example.place}: intent "{example.intent}" is not in intents.yml; add it there or rename it here'
            )


def _encode(
    examples: Sequence[Example], tagged: Sequence[int], progress: Callable[[float], None], *, middles: bool
) -> tuple[Encoded, list[Aligned], list[Reading]]:
    """Everything about the examples, the states that the tagger needs for the `tagged` ones only."""
    parts: list[Encoded] = []
    aligned: list[Aligned] = []
    readings: list[Reading] = []
    wanted = set(tagged)
    for i in range(0, len(examples), _ENCODE_STEP):
        batch = examples[i : i + _ENCODE_STEP]
        texts = [align(e.text) for e in batch]
        part = intents.encode([a.text for a in texts], [e.language for e in batch])
        chosen = [k for k in range(len(batch)) if i + k in wanted]
        readings += _halved(read([texts[k] for k in chosen], [part.e5_states[k] for k in chosen]))
        parts.append(replace(part, e5_states=[], middles=[m.astype(np.float16) for m in part.middles if middles]))
        aligned += texts
        progress(min(1.0, len(aligned) / len(examples)))
    vectors = {name: np.concatenate([p.vectors[name] for p in parts]) for name in parts[0].vectors}
    languages = [x for p in parts for x in p.languages]
    wording = [g for p in parts for g in p.grams]
    return Encoded(vectors, languages, wording, [], [m for p in parts for m in p.middles]), aligned, readings


def _read(texts: Sequence[str]) -> list[Reading]:
    readings: list[Reading] = []
    for i in range(0, len(texts), _ENCODE_STEP):
        aligned = [align(text) for text in texts[i : i + _ENCODE_STEP]]
        readings += _halved(read(aligned, intents.states([a.text for a in aligned])))
    return readings


def _halved(readings: Sequence[Reading]) -> list[Reading]:
    """With states of half the width: the tagger sees a few whitened components of them, memory sees all."""
    return [
        replace(
            r,
            e5=States(r.e5.vectors.astype(np.float16), r.e5.offsets),
            llm=States(r.llm.vectors.astype(np.float16), r.llm.offsets),
        )
        for r in readings
    ]


def _tuned(
    encoded: Encoded,
    labels: Sequence[str],
    fold: NDArray[np.int64],
    work: Work,
    *,
    seed: int,
    progress: Callable[[float], None],
) -> dict[Language, Draft]:
    classes = class_names(labels)
    index = {name: i for i, name in enumerate(classes)}
    return tune(
        encoded.middles,
        np.array(encoded.languages),
        np.array([index[label] for label in labels]),
        classes=len(classes),
        held_out=fold == 0,
        work=work,
        seed=seed,
        progress=progress,
    )
