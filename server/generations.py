"""What gateway and supervisor tell each other about releases, through small files in ``data_dir/service``.

``wanted.json``       gateway: which release shall run beside the one in service, and from which company folder
``generations.json``  supervisor: what runs, where, and whether it is ready; or why what was wanted could not be run
``serving.json``      gateway: which release its turns are run by, and whether the other one's have ended
``promoted.json``     gateway: what `kefu up` starts with; missing until something was promoted in the console

A generation is model service, Rasa and action server of one release. Every file is replaced as a whole.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]
FOLDER: Final = "service"
WANTED, GENERATIONS, SERVING, PROMOTED = "wanted.json", "generations.json", "serving.json", "promoted.json"
SUPERVISED: Final = "KEFU_SUPERVISED"
"""Set in the environment of a gateway whose supervisor can run a second generation."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """What was promoted last: the release, the folder that it was made of where that is not the company's own."""

    release: str
    company: Path | None
    by: str
    at: str
    files: str
    """What the company's files made at that time."""


def promoted(data_dir: Path) -> Promoted | None:
    """What `kefu up` and `kefu serve` start with; None until something was promoted in the console."""
    found = read(data_dir / FOLDER, PROMOTED)
    if not found.get("release"):
        return None
    word = {name: str(found.get(name) or "") for name in ("release", "by", "at", "files")}
    return Promoted(company=place_of(data_dir, found.get("company")), **word)


def place_of(data_dir: Path, company: str | None) -> Path | None:
    """A training's company folder, where the data has moved since it was noted."""
    if not company:
        return None
    noted = Path(company)
    moved = data_dir.joinpath("training", *noted.parts[-2:])
    return moved if moved.is_dir() and not noted.is_dir() else noted


@dataclass(frozen=True, slots=True)
class Running:
    """A generation as the supervisor tells of it."""

    release: str
    models: str
    rasa: str
    actions: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the supervisor tells: ``answers`` is the wish that it has come to, ``problem`` why that could not be."""

    generations: tuple[Running, ...]
    answers: str = ""
    problem: str = ""


def read(folder: Path, name: str) -> Json:
    """One of the files; empty where it is missing or from a hand that was interrupted before there was replacing."""
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(folder: Path, name: str, content: Json) -> None:
    """Replaces one of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, folder / name)


def tell(folder: Path, told: Told) -> None:
    """The supervisor's word."""
    write(folder, GENERATIONS, asdict(told))


def told(folder: Path) -> Told:
    """The supervisor's word, as the gateway reads it."""
    found = read(folder, GENERATIONS)
    running = tuple(Running(**one) for one in found.get("generations", ()))
    return Told(running, str(found.get("answers", "")), str(found.get("problem", "")))
