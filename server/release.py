"""A release: understanding, thresholds, Rasa model and retrieval index of one company, immutable, with an id.

The id is a hash of everything that training reads, so the same data is never trained twice and a change always is.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from server import assistant
from server.company import Company
from server.nlu.data import DataError, load_entities
from server.settings import ROOT, ConfigurationError, Settings

Progress = Callable[[float, str], None]

MANIFEST = "release.json"
NLU, INDEX, RASA = "nlu", "index", "rasa.tar.gz"
RASA_DEADLINE_S = 600
# Code that decides what training makes; a change in it makes a new release.
_CODE = ("server/nlu", "server/assistant.py", "kg/retrieval.py", "bot/kefu_bot", "config.yml")
_LOG_TAIL_CHARACTERS = 2000
_AGAIN = "move {} away, and it is trained again at the next start"


class ReleaseError(ConfigurationError):
    """A release cannot be made; the message names what is wrong and where."""


def ensure(settings: Settings, company: Company, progress: Progress) -> Path:
    """The folder of the release for the company's present data; trained now if it is not there yet, by one process.

    ``progress`` is called with a fraction in [0, 1] and what is being done. A training that fails or is interrupted
    leaves nothing behind.

    Raises:
        ReleaseError: The company's files contradict each other, or a training failed.
    """
    problems = company.problems()
    if problems:
        raise ReleaseError("\n".join(problems))
    release = release_id(settings, company)
    folder = settings.releases_dir / release
    if (folder / MANIFEST).is_file():
        check(folder)
        return folder
    settings.releases_dir.mkdir(parents=True, exist_ok=True)
    with _alone(settings.releases_dir / f".{release}.lock", progress):
        if (folder / MANIFEST).is_file():  # trained by the process that this one waited for
            return folder
        for left in settings.releases_dir.glob(f".{release}-*"):  # by a training that was killed
            shutil.rmtree(left, ignore_errors=True)
        build = Path(tempfile.mkdtemp(prefix=f".{release}-", dir=settings.releases_dir))
        try:
            _train(build, release, settings, company, progress)
            os.replace(build, folder)
        except DataError as error:
            raise ReleaseError(str(error)) from error
        finally:
            shutil.rmtree(build, ignore_errors=True)
    return folder


def check(folder: Path) -> None:
    """Look whether a release's files are those that training wrote; releases of before that was noted pass.

    Raises:
        ReleaseError: A file is damaged or missing; the message names it and the way out.
    """
    try:
        wanted = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("files") or {}
    except (OSError, ValueError, AttributeError) as error:
        raise ReleaseError(f"{folder / MANIFEST}: cannot be read ({error}); {_AGAIN.format(folder)}") from error
    found = {str(path.relative_to(folder)): digest for path, digest in _digests(folder)}
    for name, digest in wanted.items():
        if found.get(name) != digest:
            what = "is not what was trained" if name in found else "is missing"
            raise ReleaseError(f"{folder / name}: {what}; {_AGAIN.format(folder)}")


def _digests(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and one != folder / MANIFEST):
        with path.open("rb") as file:
            yield path, hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(lock: Path, progress: Progress) -> Iterator[None]:
    """One training of a release at a time; the kernel drops the lock with its holder, however that ended."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(0.0, "waiting for another process that trains this release")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def release_id(settings: Settings, company: Company) -> str:
    """Names the release by a hash of all that it is made of; thresholds are found for any risk bound afterwards."""
    digest = hashlib.sha256(f"{settings.training_effort} {company.languages}".encode())
    for path in sorted(_inputs(company)):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return f"r-{digest.hexdigest()[:12]}"


def _inputs(company: Company) -> Iterator[Path]:
    for place in (company.nlu_dir, company.articles_dir, *(ROOT / name for name in _CODE)):
        if place.is_file():
            yield place
        else:
            yield from (path for path in place.rglob("*") if path.suffix in {".py", ".yml", ".yaml", ".md", ".jsonl"})


def _train(build: Path, release: str, settings: Settings, company: Company, progress: Progress) -> None:
    from server.nlu.index import build_index  # noqa: PLC0415 (loads the models; `kefu --help` should not)
    from server.nlu.train import train  # noqa: PLC0415

    progress(0.0, "starting Rasa's training")
    entities_file = company.nlu_dir / "entities.yml"
    entities = entities_file if entities_file.is_file() else None
    with tempfile.TemporaryDirectory() as scratch:
        rasa = _start_rasa(Path(scratch), build / RASA, company, sorted(load_entities(entities)))
        try:
            data_paths = [company.nlu_dir / language for language in company.languages]
            artefact = train(
                data_paths,
                build / NLU,
                intents_file=company.nlu_dir / "intents.yml",
                entities_file=entities,
                effort=settings.training_effort,
                risk_bound=settings.risk_bound,
                progress=lambda fraction, text: progress(0.8 * fraction, text),
            )
            progress(0.8, "indexing the help articles")
            build_index(company.articles_dir, build / INDEX, list(company.languages), data_paths=data_paths)
            progress(0.9, "waiting for Rasa's training")
            _finish_rasa(rasa, Path(scratch), build / RASA)
        finally:
            rasa.kill()
            rasa.wait()
    manifest = {
        "id": release,
        "company": company.id,
        "nlu": artefact.manifest,
        "risk_bound": settings.risk_bound,
        "files": {str(path.relative_to(build)): digest for path, digest in _digests(build)},
    }
    (build / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2), encoding="utf-8")


def _start_rasa(scratch: Path, out: Path, company: Company, entities: list[str]) -> subprocess.Popen[bytes]:
    kinds = {name: definition.do for name, definition in company.intents.items()}
    assistant.write(scratch, kind_of=kinds, entities=entities, config=ROOT / "config.yml")
    python = ROOT / "bot" / ".venv" / "bin" / "python"
    if not python.is_file():
        raise ReleaseError(f"{python}: Rasa's environment is missing; 'make up' builds it")
    with (scratch / "rasa.log").open("wb") as log:
        command = [str(python), "-m", "kefu_bot", "train", "--domain", "domain.yml", "--config", "config.yml"]
        return subprocess.Popen(  # noqa: S603 (a fixed command)
            [*command, "--data", "data", "--out", str(out)],
            cwd=scratch,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _finish_rasa(rasa: subprocess.Popen[bytes], scratch: Path, out: Path) -> None:
    try:
        status = rasa.wait(RASA_DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"Rasa's training took more than {RASA_DEADLINE_S} s and was stopped") from None
    if status != 0 or not out.is_file():
        log = (scratch / "rasa.log").read_text(encoding="utf-8", errors="replace")
        raise ReleaseError(f"Rasa's training failed:\n{log[-_LOG_TAIL_CHARACTERS:]}")
