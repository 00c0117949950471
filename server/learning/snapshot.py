"""What a training learns from, as a company folder of its own: the company's files, the articles in service, accepted
labels, new intents.

Written once and never changed, so that a release's id covers all of it and the release can be run from it for ever.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from server.company import FILE_NAME, Company
from server.learning.labels import Label, filled, rasa_yaml, text_key
from server.library import Library, as_files, digest, of_company
from server.new_intents import NewIntent
from server.nlu.data import OUT_OF_SCOPE, Example, load
from server.nlu.language import detect

LABELS_FILE: Final = "_labels.yml"
"""Read before the files of letters, so that where both have the same words the label counts."""
NEW_FILE: Final = "_new_intents.yml"
_PATHS: Final = re.compile(r"^\[paths\][^\n]*\n(?:(?!\[).*\n?)*", re.MULTILINE)


def write(
    folder: Path, company: Company, labels: Sequence[Label], new: Sequence[NewIntent], library: Library
) -> dict[str, int]:
    """Writes the company folder `folder`; returns how many labels and new intents are in it."""
    folder.mkdir(parents=True)
    nlu = folder / "nlu_data"
    nlu.mkdir()
    for name in ("intents.yml", "entities.yml"):
        if (company.nlu_dir / name).is_file():
            shutil.copyfile(company.nlu_dir / name, nlu / name)
    for language in company.languages:
        shutil.copytree(company.nlu_dir / language, nlu / language)
    if company.kg_dir is not None:
        shutil.copytree(company.kg_dir, folder / "kg")
    (folder / FILE_NAME).write_text(_settings(company), encoding="utf-8")
    fresh = [one for one in new if one.definition.name not in company.intents]
    _add_intents(nlu / "intents.yml", fresh)
    known = {*company.intents, *(one.definition.name for one in fresh), OUT_OF_SCOPE}
    _write_articles(folder, company, library, known)
    usable = _usable(labels, company, known)
    for language in company.languages:
        mine = [label for label in usable if label.language == language]
        if mine:
            (nlu / language / LABELS_FILE).write_text(rasa_yaml(mine, fill=True), encoding="utf-8")
        taught = {text_key(filled(label).text, language) for label in mine}
        _add_examples(nlu / language / NEW_FILE, fresh, language, company.default_language, taught)
    return {"labels": len(usable), "new_intents": len(fresh)}


def _settings(company: Company) -> str:
    """The company's own file, with paths inside the snapshot."""
    kg = 'kg = "kg"\n' if company.kg_dir is not None else ""
    paths = f'[paths]\nnlu_data = "nlu_data"\narticles = "articles"\n{kg}\n'
    text = (company.folder / FILE_NAME).read_text(encoding="utf-8")
    changed, count = _PATHS.subn(lambda _: paths, text)
    return changed if count else f"{text.rstrip()}\n\n{paths}"


def _write_articles(folder: Path, company: Company, library: Library, known: Collection[str]) -> None:
    """The articles in service; the files themselves where they say the same, so that the same data has the same id."""
    places = {language: folder / "articles" / language for language in company.languages}
    if digest(library) == digest(of_company(company.articles)):
        for language, place in places.items():
            shutil.copytree(company.articles_dir / language, place)
        return
    for place in places.values():
        place.mkdir(parents=True)
    # What the console lets pass and files may not say: an article in one language only, names of intents that went.
    whole = {
        name: {**article, "intents": [one for one in article["intents"] if one in known]}
        for name, article in library.items()
        if article["texts"].keys() >= set(company.languages)
    }
    for path, text in as_files(whole):
        if path.split("/")[0] in places:
            (folder / "articles" / path).write_text(text, encoding="utf-8")
    _forget_articles(folder / "nlu_data" / "intents.yml", whole)


def _forget_articles(path: Path, library: Library) -> None:
    """Takes the articles that are not in service out of the intents that pointed to them."""
    table: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    pointing = [one for one in table["intents"].values() if set(one.get("articles") or ()) - library.keys()]
    for one in pointing:
        one["articles"] = [name for name in one["articles"] if name in library]
    if pointing:
        path.write_text(yaml.safe_dump(table, allow_unicode=True, sort_keys=False, width=1000), encoding="utf-8")


def _usable(labels: Sequence[Label], company: Company, known: Collection[str]) -> list[Label]:
    """Labels of intents that exist; of the same words the newest counts, over an example in the files too."""
    newest = {text_key(label.text, label.language): label for label in sorted(labels, key=lambda one: one.id)}
    return [
        label
        for label in sorted(newest.values(), key=lambda one: one.id)
        if label.taught in known and label.language in company.languages
    ]


def _add_intents(path: Path, new: Sequence[NewIntent]) -> None:
    if not new:
        return
    table: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for one in new:
        entry = one.definition.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
        table["intents"][one.definition.name] = entry
    path.write_text(yaml.safe_dump(table, allow_unicode=True, sort_keys=False, width=1000), encoding="utf-8")


def _add_examples(path: Path, new: Iterable[NewIntent], language: str, default: str, taught: Collection[str]) -> None:
    items = []
    for one in new:
        mine = [
            text
            for text in one.examples
            if detect(text, default) == language and text_key(text, language) not in taught
        ]
        if mine:
            rows = [{"text": " ".join(text.replace("[", "(").replace("]", ")").split())} for text in mine]
            items.append({"intent": one.definition.name, "examples": rows})
    if items:
        text = yaml.safe_dump({"version": "3.1", "nlu": items}, allow_unicode=True, sort_keys=False, width=1000)
        path.write_text(text, encoding="utf-8")


def examples_of(company: Company) -> list[Example]:
    """The examples that a company trains with."""
    return load([company.nlu_dir / language for language in company.languages]).examples


def held_out(path: Path, taught: Iterable[Example]) -> list[Example]:
    """The company's held-out messages, without those whose very words a label teaches."""
    known = {text_key(one.text, one.language) for one in taught}
    return [one for one in load([path]).examples if text_key(one.text, one.language) not in known]


def split(examples: Sequence[Example], share: float = 0.2) -> tuple[list[Example], list[Example]]:
    """(to learn from, held out): about `share` of each intent and language, chosen by the words' digest.

    The choice depends on nothing else, so two data sets that share an example put it on the same side. What would leave
    an intent with fewer than three examples to learn from is not taken away.
    """
    keys = [text_key(one.text, one.language) for one in examples]
    out: set[int] = set()
    kinds: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(examples):
        kinds.setdefault((one.intent, one.language), []).append(at)
    for members in kinds.values():
        chosen = [at for at in members if int(keys[at][:8], 16) < share * 0x1_0000_0000]
        out.update(chosen[: max(0, len(members) - 3)])
    return [e for at, e in enumerate(examples) if at not in out], [e for at, e in enumerate(examples) if at in out]


def write_examples(folder: Path, examples: Iterable[Example]) -> list[Path]:
    """Examples as JSON lines, a folder for each language; returns the folders."""
    by_language: dict[str, list[Example]] = {}
    for one in examples:
        by_language.setdefault(one.language, []).append(one)
    for language, mine in by_language.items():
        place = folder / language
        place.mkdir(parents=True, exist_ok=True)
        rows = (
            {
                "text": one.text,
                "intent": one.intent,
                "entities": [
                    {"start": s.start, "end": s.end, "entity": s.entity, "value": s.value} for s in one.entities
                ],
            }
            for one in mine
        )
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (place / "examples.jsonl").write_text(text, encoding="utf-8")
    return [folder / language for language in sorted(by_language)]
