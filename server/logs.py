"""Logs without personal data: every process that people's words pass through writes them through this formatter."""

import logging

from server.privacy import mask

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_CHARACTERS = 20_000


class MaskingFormatter(logging.Formatter):
    """Masks what is personal in a record, tracebacks too, and lets no text begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines; continued ones are indented, so that no message can forge another record."""
        written = super().format(record)[:MAX_CHARACTERS]
        lines = [masked_line(line) for line in written.splitlines()]
        return "\n    ".join(lines)


def configure_logging(level: int = logging.INFO, quiet: tuple[str, ...] = ()) -> None:
    """Sends the root logger's records to standard error, masked; ``quiet`` ones from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(MaskingFormatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)


def mask_handlers(*names: str) -> None:
    """Masks what the handlers write that a library gave its own loggers."""
    for name in names:
        for handler in logging.getLogger(name).handlers:
            handler.setFormatter(MaskingFormatter(FORMAT))


def masked_line(line: str) -> str:
    """One line without personal data and control characters."""
    return _visible(mask(line))


def _visible(line: str) -> str:
    return "".join(one if one.isprintable() or one == "\t" else repr(one)[1:-1] for one in line)
