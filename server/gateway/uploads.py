"""Pictures in conversations: checked, drawn anew without what the camera wrote into them, kept under random names."""

import asyncio
import io
import os
import uuid
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import func, insert, select

from server.storage.store import Store, UnknownConversationError, as_record
from server.storage.tables import uploads

Json = dict[str, Any]
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
"""What is taken; a GIF becomes a PNG of its first picture."""
MAX_PIXELS = 50_000_000
MAX_SIDE = 2560
"""Larger pictures are made smaller, in pixels."""
DEADLINE_S = 20.0
AT_ONCE = 2


class UploadError(Exception):
    """A picture is refused; ``status`` is the HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture; ``kind`` is its media type, ``size`` in bytes."""

    id: str
    conversation: str
    kind: str
    width: int
    height: int
    size: int

    def frame(self) -> Json:
        """The field ``image`` of a message."""
        return {"id": self.id, "url": f"/api/uploads/{self.id}", "width": self.width, "height": self.height}


class Uploads:
    """The pictures in the uploads folder and their entries in the database."""

    def __init__(self, store: Store, folder: Path, *, max_bytes: int, per_conversation: int) -> None:
        self._store = store
        self._folder = folder
        self.max_bytes = max_bytes
        self._per_conversation = per_conversation
        self._drawing = asyncio.Semaphore(AT_ONCE)

    async def add(self, conversation: str, kind: str, body: AsyncIterator[bytes], *, agent: str | None) -> Picture:
        """Takes a picture for a conversation.

        Raises:
            UploadError: It is too big, of another kind, no picture, or one too many.
            UnknownConversationError: There is no such conversation.
        """
        if kind not in FORMATS:
            raise UploadError(415, f"a picture is one of {', '.join(FORMATS)}")
        if await self._store.conversation(conversation) is None:
            raise UnknownConversationError(conversation)
        await self._check_room(conversation)
        given = await self._read(body)
        async with self._drawing, asyncio.timeout(DEADLINE_S):
            drawn, drawn_kind, (width, height) = await asyncio.to_thread(draw_anew, given)
        picture = Picture(uuid.uuid4().hex, conversation, drawn_kind, width, height, len(drawn))
        await asyncio.to_thread(self._write, picture.id, drawn)
        async with self._store.write() as tx:
            await tx.execute(
                insert(uploads).values(
                    id=picture.id,
                    conversation=conversation,
                    agent=agent,
                    kind=picture.kind,
                    width=width,
                    height=height,
                    size=picture.size,
                    at=tx.now,
                )
            )
        return picture

    async def get(self, upload: str) -> Picture | None:
        """A stored picture."""
        row = await self._store.one(
            select(
                uploads.c.id,
                uploads.c.conversation,
                uploads.c.kind,
                uploads.c.width,
                uploads.c.height,
                uploads.c.size,
            ).where(uploads.c.id == upload)
        )
        return None if row is None else as_record(Picture, row)

    async def of(self, conversation: str, upload: str) -> Json | None:
        """The field ``image`` of a message, where the picture belongs to the conversation."""
        picture = await self.get(upload)
        return picture.frame() if picture is not None and picture.conversation == conversation else None

    def path(self, picture: Picture) -> Path:
        """The picture's file."""
        return self._folder / picture.id

    async def _check_room(self, conversation: str) -> None:
        row = await self._store.one(
            select(func.count()).select_from(uploads).where(uploads.c.conversation == conversation)
        )
        if row is not None and row[0] >= self._per_conversation:
            raise UploadError(409, f"a conversation holds {self._per_conversation} pictures")

    async def _read(self, body: AsyncIterator[bytes]) -> bytes:
        given = bytearray()
        async for chunk in body:
            given += chunk
            if len(given) > self.max_bytes:
                raise UploadError(413, f"a picture has at most {self.max_bytes} bytes")
        return bytes(given)

    def _write(self, upload: str, drawn: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / upload
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(drawn)


def draw_anew(given: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """The picture decoded and encoded again, upright, without metadata: (bytes, media type, (width, height)).

    Raises:
        UploadError: The bytes are no picture of a kind that is taken, or one of too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(given), formats=list(FORMATS.values())) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise UploadError(422, "the picture has too many pixels")
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((MAX_SIDE, MAX_SIDE))
                plain = upright.convert("RGBA" if upright.mode in {"RGBA", "LA", "P", "PA"} else "RGB")
                name = "JPEG" if opened.format == "JPEG" else "WEBP" if opened.format == "WEBP" else "PNG"
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
    ) as error:
        raise UploadError(422, "this is not a picture that can be read") from error
    # A new picture has the pixels and nothing else: no position, no camera, no comment.
    clean = Image.new(plain.mode, plain.size)
    clean.paste(plain)
    out = io.BytesIO()
    clean.convert("RGB" if name == "JPEG" else clean.mode).save(out, name, quality=88)
    kind = next(kind for kind, format_name in FORMATS.items() if format_name == name)
    return out.getvalue(), kind, clean.size
