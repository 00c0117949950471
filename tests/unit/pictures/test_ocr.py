"""Reading text in pictures with the real models."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from server.pictures import ocr
from server.pictures.reading import telling
from tests.support.drawings import chinese_font, screen


def test_an_error_is_read_from_a_screen() -> None:
    found = ocr.read(screen(["Connection failed", "Error code: E-105", "Try again"]))
    assert "E-105" in telling(found, least=0.6)
    assert all(line.confidence > 0.6 for line in found)


@pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese characters: install fonts-noto-cjk")
def test_chinese_is_read() -> None:
    assert telling(ocr.read(screen(["14:32", "错误 691", "用户名或密码无效"], kind="JPEG")), least=0.6).startswith(
        "错误691"
    )


def test_a_picture_without_text_has_none() -> None:
    assert ocr.read(screen([])) == []


def test_transparency_is_no_text() -> None:
    image = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    assert ocr.read(out.getvalue()) == []


@pytest.mark.parametrize("body", [b"", b"<svg onload='alert(1)'/>", screen(["x"])[:100], b"GIF89a"])
def test_what_is_no_picture_is_refused(body: bytes) -> None:
    with pytest.raises(ocr.PictureError):
        ocr.read(body)
