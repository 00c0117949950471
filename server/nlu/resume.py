"""What a training has finished so far, so that an interrupted one goes on where it stopped.

A folder beside the artefact, named after everything that the result depends on; each finished step is one file, whole
or not there. It goes when the training ends well; folders of other trainings of the same artefact go when one begins.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.nlu.weights import write_atomically

Arrays = dict[str, NDArray[Any]]


class Work:
    """The finished steps of one training of `out`; `key` names data, seed and versions."""

    def __init__(self, out: Path, key: str) -> None:
        self._folder = out.parent / f".{out.name}.work-{key}"
        for other in out.parent.glob(f".{out.name}.work-*"):
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)

    @property
    def begun(self) -> bool:
        """Whether an earlier training with the same key left something to go on with."""
        return self._folder.is_dir() and any(self._folder.iterdir())

    def step(self, name: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        """The arrays of a step: those of the earlier training where it came so far, else made now and kept."""
        path = self._folder / f"{name}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as kept:
                return dict(kept)
        made = dict(make())
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **made)
        write_atomically(path, buffer.getvalue())
        return made

    def done(self) -> None:
        """Forget everything: the artefact is there."""
        shutil.rmtree(self._folder, ignore_errors=True)
