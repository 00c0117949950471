"""Pictures as customers send them, drawn by the tests: what stands on a screen or on a device."""

import io
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont


@cache
def chinese_font() -> str | None:
    """The file of a font with Chinese characters, where the machine has one."""
    if shutil.which("fc-list") is None:
        return None
    listed = subprocess.run(
        ["fc-list", "--format=%{file}\n", ":lang=zh-cn"], capture_output=True, text=True, check=False
    )
    return min(listed.stdout.split(), default=None)


def screen(texts: Sequence[str], *, size: tuple[int, int] = (720, 480), letters: int = 36, kind: str = "PNG") -> bytes:
    """A screen with these lines of text."""
    font_file = chinese_font()
    font = ImageFont.truetype(font_file, letters) if font_file else ImageFont.load_default(letters)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for i, text in enumerate(texts):
        draw.text((40, 40 + int(i * letters * 1.8)), text, font=font, fill="black")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()
