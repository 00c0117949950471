"""How well speech is understood: word and character errors of the recogniser, by language and noise.

Recordings are made here, with room noise at so many decibels below the voice; each row counts every sentence's
insertions, deletions and replacements over all its words, or characters as they are said (39 and 三十九 are the same).
"""

import csv
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks._rows import Row
from benchmarks._spoken import HELD_OUT_EN, HELD_OUT_ZH
from server.company import Company
from server.models.own_words import chinese_texts
from server.speech import mandarin
from server.speech.homophones import Homophones
from server.speech.whisper import Whisper
from server.speech.words import distance, units
from tests.support.voice import said

ROOT = Path(__file__).resolve().parents[1]
NOISES_DB = (None, 20, 10)
OTHER_TOPICS = 40


@cache
def recogniser() -> tuple[Whisper, Homophones]:
    return Whisper(), Homophones(chinese_texts(Company.load(ROOT / "demo")))


def noisy(samples: np.ndarray, below_db: float | None, seed: int) -> np.ndarray:
    """The recording with white noise, so many decibels below its mean power."""
    if below_db is None:
        return samples
    power = float(np.mean(samples.astype(float) ** 2)) / 10 ** (below_db / 10)
    noise = np.random.default_rng(seed).normal(0, np.sqrt(power), len(samples))
    return (samples + noise).clip(-32768, 32767).astype(np.int16)


def aloud(text: str) -> str:
    """A text as it sounds: figures as words, 幺 as 一, no marks."""
    text = re.sub(r"\d+(?:\.\d+)?", lambda match: mandarin.number(match.group()), text)
    return re.sub(r"[^\w\s]", "", text).translate(str.maketrans("幺两〇", "一二零"))


def errors(sentences: Sequence[str], heard: Sequence[str], said_as: Callable[[str], str]) -> float:
    """Errors in per cent of the words or characters that were said."""
    wrong = sum(distance(said_as(one), said_as(other)) for one, other in zip(sentences, heard, strict=True))
    return 100 * wrong / sum(len(units(said_as(one))) for one in sentences)


def listen(sentences: Sequence[str], language: str, below_db: float | None) -> tuple[list[str], list[str]]:
    """What was heard, and the same in the company's words."""
    whisper, words = recogniser()
    plain, own = [], []
    for seed, sentence in enumerate(sentences):
        recording = noisy(said(sentence, after_s=0.3), below_db, seed)
        found = whisper.recognise(recording, language=language, final=True)
        plain.append(found.text)
        own.append(words.correct(found.heard) if found.heard else found.text)
    return plain, own


def measure() -> list[Row]:
    rows: list[Row] = []
    for below_db in NOISES_DB:
        where = "quiet" if below_db is None else f"noise at -{below_db} dB"
        plain, own = listen(HELD_OUT_ZH, "zh", below_db)
        rows += [
            (f"zh, {where}: character errors as recognised", "%", errors(HELD_OUT_ZH, plain, aloud), ""),
            (f"zh, {where}: character errors in the company's words", "%", errors(HELD_OUT_ZH, own, aloud), ""),
        ]
        plain, _ = listen(HELD_OUT_EN, "en", below_db)
        rows.append((f"en, {where}: word errors", "%", errors(HELD_OUT_EN, plain, str), ""))
    with (ROOT / "benchmarks/heldout/zh.tsv").open(encoding="utf-8") as file:
        lines = [row[1] for row in csv.reader(file, delimiter="\t") if row[0] == "oos"]
    others = [line for line in lines if re.fullmatch(r"[\u4e00-\u9fff，。？！]{6,28}", line)][:OTHER_TOPICS]
    plain, own = listen(others, "zh", None)
    return [
        *rows,
        ("zh, other topics: character errors as recognised", "%", errors(others, plain, aloud), ""),
        ("zh, other topics: character errors in the company's words", "%", errors(others, own, aloud), ""),
    ]
