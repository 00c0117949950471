"""What an engine over a language model was prepared with: the examples, their vectors, and its calibration, a folder.

manifest.json     format, engine, model, data digest, calibration, metrics
examples.jsonl    the training examples
vectors.npy       their vectors (examples, width), for the nearest ones
intents.json      intent → language → description
entities.yml      the entity kinds
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.llm.prompts import Shown
from server.nlu.artefact import ArtefactError
from server.nlu.calibrate import Calibrations
from server.nlu.data import EntityKind, Example, Span, load_entities

FORMAT: Final = 2
MANIFEST: Final = "llm.json"
_FILES: Final = ("examples.jsonl", "vectors.npy", "intents.json")
Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Vectors]


@dataclass
class Knowledge:
    """Examples to show, what intents and details mean, and the numbers that turn an answer into confidences."""

    examples: list[Example]
    vectors: Vectors
    intents: dict[str, dict[str, str]]
    kinds: dict[str, EntityKind]
    synonyms: dict[str, str] = field(default_factory=dict)
    calibration: Calibrations | None = None
    entity_slope: float = 1.0
    entity_shift: float = 0.0
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The intents, in the order of every logit."""
        return list(self.intents)

    @cached_property
    def _index(self) -> Any:
        import faiss  # noqa: PLC0415 (loads the library)

        index = faiss.IndexFlatIP(self.vectors.shape[1])
        index.add(np.ascontiguousarray(self.vectors))
        return index

    def nearest(self, vector: Vectors, count: int) -> list[tuple[int, float]]:
        """Examples by falling cosine: (index, cosine)."""
        scores, rows = self._index.search(vector[None, :], min(count, len(self.examples)))
        return [(int(r), float(s)) for r, s in zip(rows[0], scores[0], strict=True) if r >= 0]

    def about(self, intent: str, language: str) -> str:
        """The description of an intent in a language, or its name in words."""
        texts = self.intents.get(intent, {})
        return texts.get(language) or next(iter(texts.values()), "") or intent.replace("_", " ")

    def kind_about(self, kind: str, language: str) -> str:
        """The description of an entity kind in a language, or its name in words."""
        texts = self.kinds[kind].description if kind in self.kinds else {}
        return texts.get(language) or next(iter(texts.values()), "") or kind.replace("_", " ")

    @cached_property
    def kind_names(self) -> list[str]:
        """The entity kinds: those defined and those that only examples name."""
        seen = {s.entity for e in self.examples for s in e.entities}
        return [*self.kinds, *sorted(seen - set(self.kinds))]

    def shown(self, row: int) -> Shown:
        """An example as a prompt shows it."""
        e = self.examples[row]
        return Shown(e.text, e.intent, tuple((s.entity, e.text[s.start : s.end]) for s in e.entities))

    @classmethod
    def load(cls, folder: Path) -> Knowledge:
        """Open a folder. Raises `ArtefactError` where it is missing, incomplete or of another version."""
        path = folder / MANIFEST
        if not path.is_file():
            raise ArtefactError(f"{folder}: no {MANIFEST}; prepare the engine with `kefu train --engine …`")
        try:
            manifest = json.loads(path.read_text("utf-8"))
            if manifest.get("format") != FORMAT:
                raise ArtefactError(
                    f"{folder}: format {manifest.get('format')}, this version reads {FORMAT}; prepare it again"
                )
            missing = [name for name in _FILES if not (folder / name).is_file()]
            if missing:
                raise ArtefactError(f"{folder}: {missing[0]} is missing; prepare it again")
            rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text("utf-8").splitlines()]
            vectors = np.load(folder / "vectors.npy", allow_pickle=False).astype(np.float32)
            if len(vectors) != len(rows):
                raise ValueError(f"{len(vectors)} vectors for {len(rows)} examples")
            examples = [
                Example(r["text"], r["intent"], tuple(Span(*s) for s in r["entities"]), r["place"]) for r in rows
            ]
            calibration = Calibrations.from_json(manifest["calibration"]) if manifest["calibration"] else None
            kinds = folder / "entities.yml"
            return cls(
                examples,
                vectors,
                json.loads((folder / "intents.json").read_text("utf-8")),
                load_entities(kinds if kinds.is_file() else None),
                manifest["synonyms"],
                calibration,
                manifest["entity_slope"],
                manifest["entity_shift"],
                manifest,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{folder}: damaged ({error}); prepare it again") from error

    def save(self, folder: Path, *, entities_file: Path | None, facts: Mapping[str, Any]) -> None:
        """Write everything into `folder`, the manifest last."""
        lines = [
            json.dumps(
                {
                    "text": e.text,
                    "intent": e.intent,
                    "entities": [[s.start, s.end, s.entity, s.value] for s in e.entities],
                    "place": f"/{Path(e.place.rpartition(':')[0]).parent.name}/" if e.place else "",
                },
                ensure_ascii=False,
            )
            for e in self.examples
        ]
        (folder / "examples.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        np.save(folder / "vectors.npy", self.vectors.astype(np.float16))
        (folder / "intents.json").write_text(json.dumps(self.intents, ensure_ascii=False), "utf-8")
        if entities_file is not None:
            shutil.copyfile(entities_file, folder / "entities.yml")
        self.manifest = {
            "format": FORMAT,
            **facts,
            "synonyms": self.synonyms,
            "calibration": self.calibration.to_json() if self.calibration else None,
            "entity_slope": self.entity_slope,
            "entity_shift": self.entity_shift,
        }
        with (folder / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump(self.manifest, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def written(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes `out` when the block ends well; an `out` that is something else is refused."""
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise ArtefactError(f"{out}: exists and is no prepared engine; choose another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        yield temporary
        temporary.chmod(0o755)
        shutil.rmtree(out, ignore_errors=True)
        temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
