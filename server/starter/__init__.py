"""The empty company that ``kefu init`` makes: the files beside this one, with the folder's name as the company's id."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from server.settings import ConfigurationError

_HERE = Path(__file__).parent
_FILES = (
    "company.toml",
    "nlu_data/intents.yml",
    "nlu_data/entities.yml",
    "nlu_data/zh/examples.yml",
    "nlu_data/en/examples.yml",
    "articles/zh/welcome.md",
    "articles/en/welcome.md",
)
_ID_LINE = 'id = "my-company"'
_ID_MAX = 32


def make_company(folder: Path) -> list[Path]:
    """Write the starter's files into ``folder``; return their paths.

    Raises:
        ConfigurationError: The folder has something in it already, or cannot be written.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigurationError(f"{folder}: is there already and is not empty; name a new folder")
        made = []
        for name in _FILES:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_HERE / name, target)
            made.append(target)
        settings = folder / "company.toml"
        text = settings.read_text("utf-8").replace(_ID_LINE, f'id = "{_id_from(folder)}"', 1)
        settings.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}") from error
    return made


def _id_from(folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-")[:_ID_MAX].strip("-")
    return name or "my-company"
