"""What `kefu up` shows: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_PLAIN_PARTS = 5
"""In plain lines, a fraction is told each time another of this many parts is done."""

Mark = Literal["work", "ok", "fail"]
_MARKS = {"ok": ("✓", "green"), "fail": ("✗", "red")}


@dataclass
class _Row:
    text: str
    mark: Mark
    fraction: float | None
    since: float
    took: float | None = None
    told: int = 0
    spinner: Spinner | None = None


class Display:
    """Steps with their state. Not for use from several threads."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._rows: dict[str, _Row] = {}
        self._live: Live | None = None

    def step(self, name: str, text: str, *, fraction: float | None = None, mark: Mark = "work") -> None:
        """Show what step ``name`` is doing; ``fraction`` in [0, 1] where it is known."""
        now = time.monotonic()
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = _Row("", "work", None, now, spinner=Spinner("dots"))
        changed = text != row.text or mark != row.mark
        row.text, row.mark, row.fraction = text, mark, fraction
        row.took = None if mark == "work" else now - row.since
        if self.console.is_terminal:
            self._show()
            return
        parts = int((fraction or 0.0) * _PLAIN_PARTS)
        if changed or parts > row.told:
            row.told = parts
            share = f" {fraction:.0%}" if fraction is not None else ""
            took = f" ({row.took:.1f} s)" if row.took is not None else ""
            self.console.print(Text(f"{name}: {text}{share}{took}"), soft_wrap=True)

    def end(self) -> None:
        """Leave the table as it is and begin anew below it."""
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()
            self._live = None
        self._rows.clear()

    def line(self, text: str, style: str = "") -> None:
        """Print a line, above the table if there is one."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def _show(self) -> None:
        if self._live is None:
            self._live = Live(get_renderable=self._table, console=self.console, refresh_per_second=8)
            self._live.start()

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for name, row in self._rows.items():
            if row.mark == "work":
                sign: Spinner | Text = row.spinner or Text(" ")
            else:
                symbol, style = _MARKS[row.mark]
                sign = Text(symbol, style=style)
            seconds = row.took if row.took is not None else time.monotonic() - row.since
            bar = ProgressBar(total=1.0, completed=row.fraction, width=24) if row.fraction is not None else Text("")
            table.add_row(sign, Text(name, style="bold"), Text(row.text), Text(f"{seconds:.1f} s", style="dim"), bar)
        return table
