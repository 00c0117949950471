"""``python -m server.learning.job FOLDER``: train a candidate and hold it against the release in service.

A process of its own, so that it can be stopped at any moment and takes no time from the chat: it runs at low priority,
and what it loads is gone afterwards. ``FOLDER/job.json`` says what to do, ``FOLDER/company`` is what is learnt from.
Standard output has JSON lines ``{"fraction", "text"}``, and ``{"error"}`` as the last one where it failed;
``FOLDER/result.json`` appears whole at the end. Nothing else is changed but the folder of releases, where the new
release appears whole too.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from server.company import Company
from server.learning.compare import compare
from server.learning.files import COMPANY, JOB, RESULT
from server.learning.snapshot import examples_of, held_out, split, write_examples
from server.learning.verdict import safety_intents, verdict
from server.logs import configure_logging
from server.nlu.data import DataError, Example
from server.nlu.engine import Engine, Parse
from server.release import NLU, ensure
from server.settings import ConfigurationError, Settings, load_settings

Json = dict[str, Any]
Progress = Callable[[float, str], None]
LOCK = ".lock"
NICENESS: Final = 10
_BATCH: Final = 32


def run(folder: Path, settings: Settings, progress: Progress) -> Json:
    """Trains and compares; returns what ``result.json`` holds.

    Raises:
        ConfigurationError: The data cannot be used, or another training runs; the message is for people.
    """
    job: Json = json.loads((folder / JOB).read_text(encoding="utf-8"))
    company = Company.load(folder / COMPANY)
    with (folder.parent / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError("another training runs on this machine; wait for it, or stop it") from None
        if job.get("held_out") and not Path(job["held_out"]).exists():
            raise ConfigurationError(
                f"paths.held_out of company.toml is {job['held_out']}: nothing is there; make it, or take the line out"
            )
        release = ensure(settings, company, lambda part, text: progress(0.6 * part, text))
        _prepare_engine(settings, company, release.name, progress)
        if release.name == job["base"]:
            raise ConfigurationError(
                "there is nothing new to learn: with the labels of now the release in service comes out again"
            )
        progress(0.6, "comparing with the release in service")
        base = settings.releases_dir / str(job["base"])
        if job.get("held_out"):
            taught = examples_of(company)
            examples = held_out(Path(job["held_out"]), taught)
            method = "held_out"
            models = (base / NLU, release / NLU)
        else:
            method = "split"
            before = Company.load(Path(job["base_company"]))
            examples, models = _split_models(folder, settings, company, before, progress)
        parses = [
            _parses(Engine(model, risk_bound=settings.risk_bound), examples, _part(progress, 0.9 + 0.05 * at))
            for at, model in enumerate(models)
        ]
    found = compare(examples, *parses)
    never_worse = sorted({*safety_intents(company.intents)})
    result = {
        "release": release.name,
        "method": method,
        "comparison": found,
        "verdict": verdict(found, never_worse=never_worse),
    }
    _write(folder / RESULT, result)
    return result


def _split_models(
    folder: Path, settings: Settings, company: Company, before: Company, progress: Progress
) -> tuple[list[Example], tuple[Path, Path]]:
    """Held-out messages and two models that have not seen them: from the data of before, and from the data of now.

    For a company without held-out messages of its own; the release in service has seen all of its examples, so what is
    compared are the data and not the very models.
    """
    from server.nlu.train import train  # noqa: PLC0415 (loads the models)

    learn, out = split(examples_of(company))
    held = {example.text for example in out}
    earlier = [example for example in examples_of(before) if example.text not in held]
    if not out:
        raise ConfigurationError("there are too few examples to hold any back for the comparison; add some more")
    made: list[Path] = []
    for at, (name, company_now, examples) in enumerate((("before", before, earlier), ("now", company, learn))):
        paths = write_examples(folder / "split" / name, examples)
        entities = company_now.nlu_dir / "entities.yml"
        tell = _part(progress, 0.6 + 0.15 * at, 0.15)
        train(
            paths,
            folder / "split" / f"{name}-model",
            intents_file=company_now.nlu_dir / "intents.yml",
            entities_file=entities if entities.is_file() else None,
            effort=settings.training_effort,
            risk_bound=settings.risk_bound,
            progress=_without_text(tell),
        )
        made.append(folder / "split" / f"{name}-model")
    return out, (made[0], made[1])


def _part(progress: Progress, begin: float, size: float = 0.05) -> Callable[[float], None]:
    """Tells a part of the whole that begins at `begin` and is `size` long."""
    return lambda part: progress(begin + size * part, "comparing with the release in service")


def _without_text(tell: Callable[[float], None]) -> Progress:
    return lambda part, _text: tell(part)


def _parses(engine: Engine, examples: Sequence[Example], progress: Callable[[float], None]) -> list[Parse]:
    found: list[Parse] = []
    for at in range(0, len(examples), _BATCH):
        found += engine.parse_batch([(e.text, e.language) for e in examples[at : at + _BATCH]])
        progress(len(found) / len(examples))
    return found


def _prepare_engine(settings: Settings, company: Company, release: str, progress: Progress) -> None:
    from server.llm import ensure as engines  # noqa: PLC0415 (loads the models)

    try:
        asyncio.run(engines.ensure(settings, company, release, lambda _part, text: progress(0.6, text)))
    except engines.FAILURES as error:
        progress(0.6, f"the engine {settings.understanding.engine} is not prepared, the embedded one answers: {error}")


def _write(path: Path, value: Json) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    os.replace(temporary, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Does the work; exit status 0 when the result is there."""
    (name,) = sys.argv[1:] if arguments is None else arguments
    os.nice(NICENESS)
    # What libraries print must not get among the answers: from here on their standard output is the log.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    configure_logging()

    def tell(**message: object) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        run(Path(name), load_settings(), lambda fraction, text: tell(fraction=round(fraction, 3), text=text))
    except (ConfigurationError, DataError) as error:
        tell(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
