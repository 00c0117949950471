"""Published fault trees: asked against reached, and the time it takes.

    uv run python -m benchmarks.fault_trees FOLDER [--published FILE.json] [--seconds 300]
    uv run python -m benchmarks.fault_trees --made        # trees of the same family, made here

FOLDER holds Open-PSA files; NAME.xml and NAME-basic-events.xml are one model. `--published` is a JSON object from the
name of a model to `{"probability": "0.00207", "minimal_cut_sets": 2}`; the figures of five well-known trees are
built in. `--made` analyses random trees that are a conjunction of disjunctions over replicated events and pairs of them,
and one that asks for 12 of 31 events, whose number of minimal cut sets is known.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from kg.cli_api import ERRORS, analyse

SUFFIX = "-basic-events"
PUBLISHED: dict[str, dict[str, Any]] = {
    "theatre": {"probability": "0.00207", "minimal_cut_sets": 2},
    "SmallTree": {"probability": "0.02678", "minimal_cut_sets": 2},
    "lift": {"probability": "1.19999e-5", "minimal_cut_sets": 12},
    "chinese": {"probability": "0.0045691", "minimal_cut_sets": 392},
    "baobab2": {"minimal_cut_sets": 4805},
}
SIZES = ((61, 8, 10), (61, 10, 12), (61, 12, 14), (80, 14, 14), (120, 16, 14))


def models(folder: Path) -> dict[str, list[Path]]:
    """Files of each model by name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.xml")):
        found.setdefault(path.stem.removesuffix(SUFFIX), []).append(path)
    return found


def rounded_like(value: float, published: str) -> str:
    """A value with as many digits as the published figure has."""
    return str(Decimal(value).quantize(Decimal(published)).normalize())


def made(events: int, clauses: int, width: int, seed: int = 1) -> str:
    """Open-PSA text of a conjunction of `clauses` gates, each "or" over `width` events, some of them in pairs."""
    dice = random.Random(seed)
    names = [f"e{number}" for number in range(events)]
    parts = []
    for number in range(clauses):
        chosen = dice.sample(names, width)
        inner = ""
        for one, other in zip(chosen[::2], chosen[1::2], strict=True):
            pair = f'<and><event name="{one}"/><event name="{other}"/></and>'
            inner += f'<event name="{one}"/>' if dice.random() < 0.7 else pair
        parts.append(f'<define-gate name="o{number}"><or>{inner}</or></define-gate>')
    top = "".join(f'<gate name="o{number}"/>' for number in range(clauses))
    return _document(f'<define-gate name="top"><and>{top}</and></define-gate>{"".join(parts)}', names, "0.01")


def some_of(number: int, events: int) -> str:
    """Open-PSA text of one gate that asks for `number` of `events` equal events."""
    names = [f"e{one}" for one in range(events)]
    inner = "".join(f'<event name="{name}"/>' for name in names)
    gate = f'<define-gate name="top"><atleast min="{number}">{inner}</atleast></define-gate>'
    return _document(gate, names, "0.3")


def _document(gates: str, names: list[str], chance: str) -> str:
    defined = "".join(f'<define-basic-event name="{n}"><float value="{chance}"/></define-basic-event>' for n in names)
    return f"<opsa-mef>{gates}{defined}</opsa-mef>"


def analyse_made(seconds: float) -> int:
    """Analyse the trees made here; the exit status tells whether the known count was reached."""
    texts = {f"{e} events, {c} clauses of {w}": made(e, c, w) for e, c, w in SIZES}
    texts["12 of 31 events"] = some_of(12, 31)
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, text) in enumerate(texts.items()):
            path = Path(folder) / f"made{number}.xml"
            path.write_text(text, "utf-8")
            result = analyse([path], seconds=seconds)
            print(json.dumps({
                "model": name, "diagram_nodes": result.nodes, "probability": result.probability,
                "minimal_cut_sets": result.minimal_cut_sets, "seconds": result.seconds,
            }), flush=True)  # fmt: skip
    return int(result.minimal_cut_sets != math.comb(31, 12))


def main() -> int:
    """Command line; the exit status tells whether every published count was reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--made", action="store_true", help="analyse large trees made here")
    parser.add_argument("--published", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    options = parser.parse_args()
    if options.made:
        return analyse_made(options.seconds)
    if options.folder is None or not options.folder.is_dir():
        print(f"{options.folder}: no such folder; name one with Open-PSA files (*.xml)", file=sys.stderr)
        return 2
    published = PUBLISHED | (json.loads(options.published.read_text()) if options.published else {})
    failed = False
    for name, files in models(options.folder).items():
        try:
            result = analyse(files, seconds=options.seconds)
        except ERRORS as error:
            print(json.dumps({"model": name, "error": str(error)}), flush=True)
            failed = True
            continue
        asked = published.get(name, {})
        row: dict[str, Any] = {
            "model": name,
            "events": result.events,
            "gates": result.gates,
            "diagram_nodes": result.nodes,
            "probability": result.probability,
            "minimal_cut_sets": result.minimal_cut_sets,
            "seconds": result.seconds,
        }
        if "probability" in asked and result.probability is not None:
            row["probability_published"] = asked["probability"]
            same = Decimal(rounded_like(result.probability, asked["probability"])) == Decimal(asked["probability"])
            row["probability_agrees"] = same
        if "minimal_cut_sets" in asked:
            row["cut_sets_published"] = asked["minimal_cut_sets"]
            row["cut_sets_agree"] = asked["minimal_cut_sets"] == result.minimal_cut_sets
            failed = failed or not row["cut_sets_agree"]
        print(json.dumps(row), flush=True)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
