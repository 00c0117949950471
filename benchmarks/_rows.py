"""What the benchmarks over a running product share: the product, the rows of figures, and how they are printed."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.product import ROOT, Product

Row = tuple[str, str, float, str]
"""What was measured, its unit, the figure, and what is asked for ("" where nothing is)."""


def quantile(values: Any, share: float) -> float:
    """The value below which ``share`` of the values lie."""
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


@contextmanager
def own_product(company: Path = ROOT / "demo") -> Iterator[Product]:
    """A product of a benchmark's own, with an empty data folder, running as long as the context lasts.

    Not to be entered where an event loop runs: starting and stopping take seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        print("starting a product …", file=sys.stderr)
        product = Product(Path(folder) / "data", company=company)
        try:
            product.start()
            yield product
        finally:
            product.stop()


@contextmanager
def running(url: str | None) -> Iterator[str]:
    """The address of a running product: the one given, or one that is started now and stopped at the end."""
    if url:
        yield url
        return
    with own_product() as product:
        yield product.url


def show(rows: Sequence[Row], *, as_json: bool) -> None:
    """Prints the figures as a table, or as JSON."""
    if as_json:
        names = ("what", "unit", "reached", "asked")
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False))
        return
    width = max(len(what) for what, *_ in rows)
    print(f"{'':<{width}} {'reached':>10}        asked")
    for what, unit, value, asked in rows:
        print(f"{what:<{width}} {value:>10.2f} {unit:<6} {asked}")
