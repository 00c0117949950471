"""Published fault trees: asked against reached, and the time it takes.

    uv run python -m benchmarks.fault_trees FOLDER [--published FILE.json] [--seconds 300]

FOLDER holds Open-PSA files; NAME.xml and NAME-basic-events.xml are one model. `--published` is a JSON object from the
name of a model to `{"probability": "0.00207", "minimal_cut_sets": 2}`; the figures of five well-known trees are
built in.
"""

from __future__ import annotations

import argparse
import json
import sys
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


def models(folder: Path) -> dict[str, list[Path]]:
    """Files of each model by name."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.xml")):
        found.setdefault(path.stem.removesuffix(SUFFIX), []).append(path)
    return found


def rounded_like(value: float, published: str) -> str:
    """A value with as many digits as the published figure has."""
    return str(Decimal(value).quantize(Decimal(published)).normalize())


def main() -> int:
    """Command line; the exit status tells whether every published count was reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--published", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    options = parser.parse_args()
    if not options.folder.is_dir():
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
