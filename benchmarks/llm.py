"""The local language model: how fast it writes, and how well it understands as an engine of its own.

    uv run python -m benchmarks.llm speed                 tokens per second, each precision
    uv run python -m benchmarks.llm parse --data DIR      messages of the public valid splits, small fixed samples

DIR holds `banking77/train.jsonl`, `banking77/valid.jsonl` and so on. Each set's engine is prepared from `--train` of
its training examples and calibrated on `--calibrate` of them; `--messages` of the valid split are understood one after
the other. "nearest" is the intent of the nearest training example: what the same examples say without a language
model. `--model` takes a .gguf file, `--address` and `--name` a model behind an address.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from server.llm import gguf, setup
from server.llm.examples import Knowledge
from server.llm.local import EMBEDDED, generate, open_decoder
from server.llm.prepare import Sources
from server.llm.protocol import Message, Request
from server.nlu.data import OUT_OF_SCOPE, load
from server.nlu.evaluate import measure
from server.settings_understanding import Understanding

SETS = ("snips", "banking77", "clinc150", "cais")
WITH_ENTITIES = ("snips", "cais")
PROMPT = "Explain to a customer how a router, a modem and a television box work together at home. " * 12
TOKENS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "parse"])
    parser.add_argument("--data", type=Path, help="folder with the public data sets")
    parser.add_argument("--sets", nargs="*", default=["snips", "banking77"], choices=SETS)
    parser.add_argument(
        "--model", default="", help="a .gguf file, or a Hugging Face folder or id; else the built-in one"
    )
    parser.add_argument("--address", default="", help="an OpenAI-compatible address instead, up to /v1")
    parser.add_argument("--name", default="", help="the model's name at the address")
    parser.add_argument("--train", type=int, default=2000)
    parser.add_argument("--calibrate", type=int, default=60)
    parser.add_argument("--messages", type=int, default=60)
    parser.add_argument("--candidates", type=int, default=0)
    parser.add_argument("--neighbours", type=int, default=8)
    parser.add_argument("--no-entities", action="store_true", help="ask for the intent alone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.what == "speed":
        results = {name: speed(name, arguments.model or EMBEDDED) for name in ("int8", "int4", "float")}
    else:
        if arguments.data is None or not arguments.data.is_dir():
            parser.error("--data: give the folder with the public data sets")
        with tempfile.TemporaryDirectory() as scratch:
            results = {name: understand(arguments, name, Path(scratch)) for name in arguments.sets}
    if arguments.json:
        json.dump(results, sys.stdout, ensure_ascii=False, indent=1)
        return
    for name, metrics in results.items():
        print(f"\n{name}")
        for metric, value in metrics.items():
            print(f"  {metric:38} {value if value is not None else '–'}")


def speed(precision: gguf.Precision, model: str) -> dict[str, Any]:
    began = time.perf_counter()
    decoder = open_decoder(model, precision=precision)
    opened = time.perf_counter() - began
    request = Request([Message("user", PROMPT)], TOKENS)
    prompt = len(decoder.chat(request.messages))
    began = time.perf_counter()
    moments = [time.perf_counter() for _ in generate(decoder, request)]
    began_again = time.perf_counter()
    again = next(time.perf_counter() for _ in generate(decoder, request)) - began_again
    return {
        "opened_s": round(opened, 1),
        "prompt_tokens": prompt,
        "read_tokens_per_s": round(prompt / (moments[0] - began)),
        "first_token_of_a_known_prompt_ms": round(again * 1000),
        "written_tokens_per_s": round((len(moments) - 1) / (moments[-1] - moments[0]), 1),
    }


def understand(arguments: argparse.Namespace, name: str, scratch: Path) -> dict[str, Any]:
    chosen = Understanding(
        engine="openai" if arguments.address else "local",
        model=arguments.name if arguments.address else arguments.model,
        address=arguments.address,
        candidates=arguments.candidates,
        neighbours=arguments.neighbours,
        sample=arguments.calibrate,
        also_entities=name in WITH_ENTITIES and not arguments.no_entities,
        deadline_s=60,
        unmasked=True,
    )
    train = _sample(arguments.data / name / "train.jsonl", arguments.train, scratch / f"{name}.jsonl")
    folder = scratch / name
    began = time.perf_counter()
    manifest = asyncio.run(setup.prepared(chosen, Sources([train]), folder, risk_bound=0.05, progress=lambda *_: None))
    prepared = time.perf_counter() - began
    asked = _sample(arguments.data / name / "valid.jsonl", arguments.messages, scratch / f"{name}.valid.jsonl")
    examples = load([asked]).examples
    engine = setup.Blocking(chosen, folder, None)
    engine.parse("hello")  # what is loaded or read at the first message only
    parses, timed = [], []
    for example in examples:
        began = time.perf_counter()
        parses.append(engine.parse(example.text, example.language))
        timed.append((time.perf_counter() - began) * 1000)
    engine.close()
    metrics = measure(examples, parses)
    if not chosen.finds_entities:
        metrics.pop("entity_f1", None)
    known = Knowledge.load(folder)
    inside = [e for e in examples if e.intent != OUT_OF_SCOPE]
    nearest = [
        known.examples[known.nearest(v, 1)[0][0]].intent for v in setup.neighbours_embed([e.text for e in inside])
    ]
    return {
        "model": manifest["model"],
        "intents": manifest["intents"],
        **metrics,
        "nearest_intent_accuracy": round(
            float(np.mean([n == e.intent for n, e in zip(nearest, inside, strict=True)])), 4
        ),
        "prepared_s": round(prepared),
        "latency_ms_p50": round(float(np.percentile(timed, 50))),
        "latency_ms_p95": round(float(np.percentile(timed, 95))),
    }


def _sample(source: Path, count: int, out: Path) -> Path:
    """So many lines of a file, always the same ones."""
    lines = source.read_text("utf-8").splitlines()
    chosen = random.Random(0).sample(lines, min(count, len(lines)))
    out.write_text("\n".join(chosen) + "\n", "utf-8")
    return out


if __name__ == "__main__":
    main()
