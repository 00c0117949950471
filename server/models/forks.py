"""What a fork server loads for the model services that it forks: weights in plain memory, vocabularies, checksums.

Not the runtime of the encoders: it has threads from the moment when it is imported, which a copy would wait for.
"""

from __future__ import annotations

import os
from pathlib import Path

from server.nlu import encoders, weights
from server.nlu.llm import smollm2
from server.nlu.text import align

_states: dict[Path, tuple[int, int, int]] = {}
"""The files that were read or checked, as they were then."""


def before() -> None:
    """Load what every model service needs; the process has no threads of ours afterwards."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads, too
    align("電腦")  # the table of characters
    encoders.use_embed(["hello", "你好"])
    for model, vocabulary in (weights.e5(), weights.minilm(), weights.smollm2()):
        _states[model], _states[vocabulary] = _state(model), _state(vocabulary)
        encoders.vocabulary(str(vocabulary))


def after() -> None:
    """Make the encoders, of what was loaded; files that were changed since are checked and read anew."""
    if any(_state(path) != state for path, state in _states.items()):
        weights.checksum.cache_clear()
        encoders.vocabulary.cache_clear()
    if _states:
        for encoder in (encoders.e5, encoders.minilm, smollm2):
            encoder()


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_ino, found.st_size, found.st_mtime_ns
