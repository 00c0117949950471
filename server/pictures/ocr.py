"""Text recognition in pictures: the PP-OCR models, Chinese and English, that the package RapidOCR carries.

Du et al. 2020, "PP-OCR: A Practical Ultra Lightweight OCR System" (arXiv 2009.09941).
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Final

import numpy as np
from PIL import Image

from server.pictures.reading import Line, tidy

MAX_SIDE: Final = 1600
"""Larger pictures are made smaller, in pixels: more does not read better and takes longer."""
MAX_PIXELS: Final = 50_000_000


class PictureError(ValueError):
    """The bytes are no picture that can be read."""


def read(picture: bytes) -> list[Line]:
    """The lines of text in a picture, top to bottom. Not thread-safe: one at a time.

    Raises `PictureError` for bytes that are no picture, or one of too many pixels.
    """
    found, _ = _reader()(_pixels(picture))
    return tidy((str(text), float(confidence)) for _, text, confidence in found or [])


def _pixels(picture: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    try:
        with Image.open(io.BytesIO(picture), formats=["JPEG", "PNG", "WEBP"]) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise PictureError("the picture has too many pixels")
            opened.thumbnail((MAX_SIDE, MAX_SIDE))
            flat = Image.new("RGB", opened.size, "white")
            mask = opened.convert("RGBA") if opened.mode in {"RGBA", "LA", "P", "PA"} else None
            flat.paste(mask or opened, mask=mask)
    except PictureError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError("this is not a picture that can be read") from error
    return np.asarray(flat)[:, :, ::-1].copy()  # OpenCV's order: blue first


@cache
def _reader() -> Any:
    from rapidocr_onnxruntime import RapidOCR  # noqa: PLC0415 (loads runtime and models)

    # Other models compute on the other core.
    return RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
