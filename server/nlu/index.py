"""The search index of a company's help articles, with the embedded encoders."""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from kg.retrieval import Index, Passage, Question, RetrievalError, split_article
from server.nlu import encoders
from server.nlu.data import load
from server.nlu.encoders import Array
from server.nlu.text import align

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_QUESTIONS_PER_INTENT: Final = 8


def embed(texts: Sequence[str], *, query: bool) -> Array:
    """Both multilingual encoders side by side, (texts, 896), length 1: each contributes half of the cosine."""
    normal = [align(t).text for t in texts]
    prefix = "query: " if query else "passage: "
    e5 = encoders.mean_pool(encoders.e5().states([prefix + t for t in normal]))
    return np.asarray(np.concatenate([e5, encoders.use_embed(normal)], axis=1) / np.sqrt(2), dtype=np.float32)


def build_index(
    articles_dir: Path, out_dir: Path, languages: Sequence[str], *, data_paths: Sequence[Path] = ()
) -> Index:
    """Index the articles `articles_dir/LANGUAGE/ID.md` and write the folder `out_dir`, complete or not at all.

    `data_paths`: training examples (as for `server.nlu.train.train`); those of intents that an article names in
    its front matter
    (`intents:`) are questions the index must answer, the others questions it must not.

    Raises `kg.retrieval.RetrievalError` with the file where an article cannot be read, or where there is none.
    """
    passages: list[Passage] = []
    answers: dict[str, set[str]] = defaultdict(set)
    for language in languages:
        for path in sorted((articles_dir / language).glob("*.md")):
            front, markdown = _read(path)
            passages += split_article(
                path.stem,
                title=str(front["title"]),
                summary=str(front.get("summary") or ""),
                markdown=markdown,
                language=language,
                url=f"/help/{path.stem}",
            )
            for intent in front.get("intents") or ():
                answers[str(intent)].add(path.stem)
    if not passages:
        raise RetrievalError(f"{articles_dir}: no articles in {', '.join(languages)}; expected LANGUAGE/ID.md")
    index = Index.build(passages, embed, taught(data_paths, answers))
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=out_dir.parent, prefix=f".{out_dir.name}."))
    try:
        index.save(temporary)
        temporary.chmod(0o755)
        if out_dir.exists():
            shutil.rmtree(out_dir)
        temporary.rename(out_dir)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return index


def load_index(folder: Path) -> Index:
    """Open an index with the encoders it was built with."""
    return Index.load(folder, embed)


def taught(data_paths: Sequence[Path], answers: dict[str, set[str]]) -> list[Question]:
    """The questions that teach an index when to be confident; `answers` says which articles answer an intent."""
    if not data_paths:
        return []
    by_intent: dict[tuple[str, str], list[str]] = defaultdict(list)
    for example in load(data_paths).examples:
        by_intent[(example.intent, example.language)].append(example.text)
    rng = random.Random(0)  # noqa: S311 (a sample, not a secret)
    return [
        Question(text, language, frozenset(answers.get(intent, ())))
        for (intent, language), texts in sorted(by_intent.items())
        for text in rng.sample(texts, min(_QUESTIONS_PER_INTENT, len(texts)))
    ]


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        match = _FRONT.match(path.read_text(encoding="utf-8"))
        front = yaml.safe_load(match[1]) if match else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RetrievalError(f"{path}: cannot be read: {error}") from error
    if match is None or not isinstance(front, dict) or not front.get("title"):
        raise RetrievalError(f'{path}:1: expected front matter with "title:" between two lines of ---')
    return front, match[2]
