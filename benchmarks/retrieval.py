"""How well questions find their help article: `uv run python -m benchmarks.retrieval [--questions N] [--json]`.

Questions are training examples of the demo company's intents; an article that names the intent in its front matter
counts as right. The examples that teach the index when to be confident are left out. Questions of intents without an
article must not be answered.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import yaml

from server.nlu.data import load
from server.nlu.index import build_index, taught

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    articles, data = ROOT / "demo" / "articles", [ROOT / "nlu_data" / language for language in ("zh", "en")]
    answers: dict[str, set[str]] = defaultdict(set)
    for path in articles.glob("*/*.md"):
        for intent in yaml.safe_load(path.read_text().split("---")[1]).get("intents") or ():
            answers[intent].add(path.stem)
    known = {question.text for question in taught(data, answers)}
    asked = [e for e in load(data).examples if e.text not in known]
    random.Random(0).shuffle(asked)
    with tempfile.TemporaryDirectory() as scratch:
        index = build_index(articles, Path(scratch) / "index", ["zh", "en"], data_paths=data)
    first = third = right = confident = answered = wrongly = unrelated = 0
    times = []
    for example in asked[: arguments.questions]:
        began = time.perf_counter()
        found = index.search(example.text, example.language, 3)
        times.append((time.perf_counter() - began) * 1000)
        wanted = answers.get(example.intent)
        if not wanted:
            unrelated += 1
            wrongly += found.confident
            continue
        answered += 1
        hit = [h.passage.article in wanted for h in found.passages]
        first += hit[0]
        third += any(hit)
        confident += found.confident
        right += found.confident and hit[0]
    results = {
        "questions": answered,
        "article_first": round(first / answered, 4),
        "article_in_three": round(third / answered, 4),
        "confident": round(confident / answered, 4),
        "right_where_confident": round(right / max(confident, 1), 4),
        "confident_without_an_article": round(wrongly / max(unrelated, 1), 4),
        "latency_ms_p50": round(float(np.percentile(times, 50)), 2),
        "latency_ms_p95": round(float(np.percentile(times, 95)), 2),
    }
    if arguments.json:
        print(json.dumps(results))
        return
    for name, value in results.items():
        print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
