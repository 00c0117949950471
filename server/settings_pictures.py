"""Pictures from customers: the table ``[pictures]`` of the settings. ``docs/settings.md`` documents each."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Pictures(BaseModel):
    """Who reads what stands in a picture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reader: Literal["ocr", "llm", "off"] = "ocr"
    """The embedded text recognition, a language model that sees, or nobody."""
    address: str = ""
    model: str = ""
    key_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "OPENAI_API_KEY"
    deadline_s: Annotated[float, Field(gt=0, le=60)] = 8.0
    least_confidence: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Lines that the reader is less sure of are left out."""

    @field_validator("address")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password):
            raise ValueError("write an address such as https://models.example.com/v1, without name and password in it")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.reader == "llm" and not (self.address and self.model):
            raise ValueError('reader "llm" needs address and model')
        return self
