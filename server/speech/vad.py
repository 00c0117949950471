"""Silero voice activity detection, frame by frame: is somebody speaking in these 32 milliseconds?

The model ships inside faster-whisper; it is run here without importing that package, which would load the recogniser.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
FRAME: Final = 512
"""Samples of one frame."""
_CONTEXT: Final = 64
_STATE: Final = (1, 1, 128)
MODEL: Final = ("faster_whisper", "assets/silero_vad_v6.onnx")


@cache
def _session() -> Any:
    # Both only where somebody talks: the gateway imports this module, and every start of it would pay.
    import onnxruntime  # noqa: PLC0415

    from server.nlu.weights import package_file  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(package_file(*MODEL)), options, providers=["CPUExecutionProvider"])


class VoiceActivity:
    """The detector's memory of one microphone."""

    def __init__(self) -> None:
        self._h: NDArray[np.float32] = np.zeros(_STATE, np.float32)
        self._c: NDArray[np.float32] = np.zeros(_STATE, np.float32)
        self._context: NDArray[np.float32] = np.zeros(_CONTEXT, np.float32)

    def probability(self, frame: NDArray[np.int16]) -> float:
        """Probability of speech in one frame of ``FRAME`` samples at ``RATE``."""
        samples = frame.astype(np.float32) / 32768.0
        window = np.concatenate([self._context, samples])[None]
        found, self._h, self._c = _session().run(None, {"input": window, "h": self._h, "c": self._c})
        self._context = samples[-_CONTEXT:]
        return float(np.asarray(found).ravel()[0])


def load() -> None:
    """Loads the model, which takes a moment, before the first frame."""
    VoiceActivity().probability(np.zeros(FRAME, np.int16))


def level(frame: NDArray[np.int16]) -> float:
    """Loudness in dBFS: 0 for the loudest possible, about -30 for a voice at a headset, below -60 for a quiet room."""
    mean = float(np.mean(np.square(frame.astype(np.float32) / 32768.0)))
    return 10.0 * float(np.log10(max(mean, 1e-10)))
