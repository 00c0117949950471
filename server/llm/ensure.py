"""The chosen engine of a company's release, prepared once."""

from __future__ import annotations

from pathlib import Path

from server.company import Company
from server.llm import setup
from server.llm.prepare import Progress, Sources
from server.llm.setup import FAILURES
from server.settings import Settings

__all__ = ["FAILURES", "ensure", "sources"]


def sources(company: Company) -> Sources:
    """The company's examples, intents and entities."""
    entities = company.nlu_dir / "entities.yml"
    return Sources(
        [company.nlu_dir / language for language in company.languages],
        company.nlu_dir / "intents.yml",
        entities if entities.is_file() else None,
    )


async def ensure(
    settings: Settings, company: Company, release: str, progress: Progress, *, again: bool = False
) -> Path | None:
    """The folder of the chosen engine, prepared now if it is not (or `again`); None for the embedded engine.

    Raises `FAILURES` where the model cannot be opened or fails on too many examples.
    """
    chosen = settings.understanding
    if chosen.engine == "embedded":
        return None
    folder = settings.engine_dir(release)
    if again or not setup.is_engine_folder(folder):
        await setup.prepared(chosen, sources(company), folder, risk_bound=settings.risk_bound, progress=progress)
    return folder
