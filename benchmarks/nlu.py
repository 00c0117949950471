"""How well messages are understood: asked against reached.

    uv run python -m benchmarks.nlu demo                  the demo company's held-out messages, and its examples out of fold
    uv run python -m benchmarks.nlu public --data DIR     BANKING77, CLINC150, SNIPS, CAIS, on their valid splits
    uv run python -m benchmarks.nlu ablation --data DIR   what each view adds (BANKING77, a fifth of train held out)
    uv run python -m benchmarks.nlu rows [--train]        200,000 examples: reading and checking them, training on them
    uv run python -m benchmarks.nlu service               the model service: its start, and its memory at work

DIR holds `banking77/train.jsonl`, `banking77/valid.jsonl` and so on. `--json` prints one JSON object, not a table;
`--model DIR` uses a trained model instead of training one; `--effort` is as in `kefu train`, without it that of the
product's releases for the demo company, that of `kefu train` for the others. The held-out messages are for this program
only: nothing is tuned on them.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from threadpoolctl import threadpool_limits

from server import release
from server.company import Company
from server.nlu import intents
from server.nlu.artefact import Artefact
from server.nlu.cues import Cues
from server.nlu.data import load
from server.nlu.engine import Engine
from server.nlu.evaluate import evaluate
from server.nlu.intents import IntentModel
from server.nlu.text import align
from server.nlu.train import Effort, train
from server.nlu.unseen import folds
from server.settings import ROOT, Settings
from tests.support.product import free_ports

DEMO_ASKED = {
    "intent_accuracy": 0.95,
    "entity_f1": 0.95,
    "coverage_at_risk_bound": 0.85,
    "error_at_risk_bound": -0.05,
    "ece": -0.02,
    "latency_ms_p50": -60,
    "latency_ms_p95": -120,
    "batches_of_16_per_s": 60,
    "training_s": -300,
}
PUBLIC_ASKED: dict[str, dict[str, float]] = {
    "banking77": {"intent_accuracy": 0.935, "ece": -0.02},
    "clinc150": {"intent_accuracy": 0.965, "oos_auroc": 0.97, "oos_recall_at_in_scope_coverage_90": 0.85, "ece": -0.02},
    "snips": {"intent_accuracy": 0.985, "entity_f1": 0.95},
    "cais": {"intent_accuracy": 0.945, "entity_f1": 0.86},
}
SERVICE_ASKED = {"ready_s": -10, "resident_mib": -1536}
"""Asked figures; a negative one is an upper limit."""
BATCH = 16
"""Messages that the model service reads in one pass where so many wait (`server.models.app.PARSE_BATCH`)."""
BATCHES = 12
ROWS = 200_000
SERVED = 500
START_S = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["demo", "public", "ablation", "rows", "service"])
    parser.add_argument("--data", type=Path, help="folder with the public data sets")
    parser.add_argument("--sets", nargs="*", default=list(PUBLIC_ASKED), choices=list(PUBLIC_ASKED))
    parser.add_argument("--model", type=Path, help="a trained model (demo only)")
    parser.add_argument("--effort", choices=["quick", "full"])
    parser.add_argument("--train", action="store_true", help="train on the 200,000 rows too: an hour (rows only)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.what in {"public", "ablation"} and (arguments.data is None or not arguments.data.is_dir()):
        parser.error("--data: give the folder with the public data sets")
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.what == "demo":
            results = demo(Path(scratch), arguments.model, arguments.effort or Settings().training_effort)
        elif arguments.what == "public":
            effort = arguments.effort or "full"
            results = {name: public(arguments.data / name, Path(scratch), effort) for name in arguments.sets}
        elif arguments.what == "rows":
            results = {f"{ROWS:,} rows": many_rows(Path(scratch), train_too=arguments.train)}
        elif arguments.what == "service":
            results = {"model service": service()}
        else:
            results = {"banking77": ablation(arguments.data / "banking77" / "train.jsonl")}
    if arguments.json:
        json.dump(results, sys.stdout, ensure_ascii=False, indent=1)
        return
    asked = {"demo": DEMO_ASKED, "service": SERVICE_ASKED}.get(arguments.what, {})
    for name, metrics in results.items():
        show(name, metrics, PUBLIC_ASKED[name] if arguments.what == "public" else asked)


def demo(scratch: Path, model: Path | None, effort: Effort) -> dict[str, dict[str, Any]]:
    """Each language's held-out messages on one model, and what its training measured on unseen folds."""
    seconds: float | None = None
    if model is None:
        model = scratch / "demo"
        began = time.perf_counter()
        data = ROOT / "nlu_data"
        files = {"intents_file": data / "intents.yml", "entities_file": data / "entities.yml"}
        train([data / "zh", data / "en"], model, **files, effort=effort)
        seconds = round(time.perf_counter() - began, 1)
    engine, made = Engine(model), Artefact.load(model)
    results = {}
    for language in ("zh", "en"):
        with threadpool_limits(1, user_api="blas"):  # as the model service runs it
            found = evaluate(engine, [ROOT / "benchmarks" / "heldout" / f"{language}.jsonl"])
            together = per_second(engine, [(e.text, e.language) for e in found.examples[: BATCH * BATCHES]])
        results[language] = {
            **found.metrics,
            "batches_of_16_per_s": round(together, 1),
            "training_s": seconds,
            **{f"out_of_fold_{name}": value for name, value in made.manifest["metrics"][language].items()},
        }
    return results


def many_rows(scratch: Path, *, train_too: bool) -> dict[str, Any]:
    """The demo company's examples over and over, each time round with another number, up to `ROWS`."""
    examples = load([ROOT / "nlu_data" / language for language in ("zh", "en")]).examples
    path = scratch / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            one = examples[number % len(examples)]
            text = one.text if number < len(examples) else f"{one.text} {number // len(examples)}"
            spans = [{"start": s.start, "end": s.end, "entity": s.entity} for s in one.entities]
            file.write(json.dumps({"text": text, "intent": one.intent, "entities": spans}, ensure_ascii=False) + "\n")
    del examples
    began, before = time.perf_counter(), resident_mib()
    rows = len(load([path]).examples)
    found = {
        "rows_read": rows,
        "reading_s": round(time.perf_counter() - began, 1),
        "reading_mib": resident_mib() - before,
    }
    if train_too:
        began = time.perf_counter()
        made = train([path], scratch / "rows", effort="quick", progress=tell)
        found |= {
            "training_min": round((time.perf_counter() - began) / 60, 1),
            "most_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "most_mib_of_the_process_beside": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            "intent_accuracy_out_of_fold": made.manifest["metrics"]["en"]["intent_accuracy"],
        }
    return found


def service() -> dict[str, float]:
    """A model service of its own for the demo company, speech and pictures included, started from nothing."""
    settings = Settings(company=ROOT / "demo")
    folder = release.ensure(settings, Company.load(settings.company), tell)
    texts = [e.text for e in load([ROOT / "nlu_data" / language for language in ("zh", "en")]).examples]
    url = f"http://127.0.0.1:{(port := free_ports(1))}"
    command = [sys.executable, "-m", "server.models", "--release", str(folder), "--port", str(port)]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT) as process, httpx.Client(base_url=url, trust_env=False) as http:
        try:
            while not answers(http):
                if process.poll() is not None or time.perf_counter() - began > START_S:
                    raise RuntimeError(f"the model service did not start within {START_S} s")
                time.sleep(0.02)
            ready = time.perf_counter() - began
            at_first = resident_mib(process.pid)
            for text in texts[:: len(texts) // SERVED]:
                http.post("/parse", json={"text": text}).raise_for_status()
            return {
                "ready_s": round(ready, 1),
                "resident_at_first_mib": at_first,
                "resident_mib": resident_mib(process.pid),
            }
        finally:
            process.terminate()


def answers(http: httpx.Client) -> bool:
    """Whether the service is ready."""
    try:
        return http.get("/health", timeout=1).is_success
    except httpx.HTTPError:
        return False


def resident_mib(process: int | str = "self") -> int:
    """Memory of a process now."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def tell(fraction: float, message: str) -> None:
    """Progress, for whoever waits an hour."""
    print(f"{fraction:4.0%} {message}", file=sys.stderr)


def per_second(engine: Engine, items: Sequence[tuple[str, str | None]]) -> float:
    """Messages a second where sixteen at once are read in one pass: the median of the passes."""
    seconds = []
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        began = time.perf_counter()
        engine.parse_batch(batch)
        seconds.append((time.perf_counter() - began) / len(batch))
    return 1 / statistics.median(seconds)


def public(folder: Path, scratch: Path, effort: Effort) -> dict[str, Any]:
    """Train on a data set's train split, measure on its valid split."""
    began = time.perf_counter()
    made = train([folder / "train.jsonl"], scratch / folder.name, effort=effort)
    seconds = time.perf_counter() - began
    return {**evaluate(Engine(made.folder), [folder / "valid.jsonl"]).metrics, "training_s": round(seconds, 1)}


def ablation(path: Path) -> dict[str, float]:
    """Accuracy on one held-out fold of the training data, for each set of views."""
    examples = load([path]).examples
    labels = np.array([e.intent for e in examples])
    aligned = [align(e.text) for e in examples]
    encoded = intents.encode([a.text for a in aligned], [e.language for e in examples])
    encoded.vectors["cues"] = Cues.learn(examples, {}, {}).of(aligned)
    fold = folds(examples, 0, 5)
    rest, test = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)
    model = IntentModel.fit(encoded.rows(rest), labels[rest].tolist())
    results = {}
    for views in (
        ["use"],
        ["deep"],
        ["minilm"],
        ["use", "deep"],
        ["deep", "minilm"],
        ["use", "minilm"],
        list(intents.VIEWS),
        [intents.WORDING],
        [*intents.VIEWS, intents.WORDING],
    ):
        named = [model.classes[c] for c in model.logits(encoded.rows(test), views).argmax(axis=1)]
        results[" + ".join(views)] = round(float((np.array(named) == labels[test]).mean()), 4)
    return results


def show(name: str, metrics: dict[str, Any], asked: dict[str, float]) -> None:
    print(f"\n{name}")
    for metric, value in metrics.items():
        if metric not in asked or value is None:
            print(f"  {metric:38} {value if value is not None else '–':>9}")
            continue
        wanted = asked[metric]
        good = value <= -wanted if wanted < 0 else value >= wanted
        limit = f"{'≤' if wanted < 0 else '≥'} {abs(wanted):<6}"
        print(f"  {metric:38} {value:>9}   asked {limit} {'reached' if good else 'NOT reached'}")


if __name__ == "__main__":
    main()
