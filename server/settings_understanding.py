"""Which engine understands messages, and how it is reached: the table ``[understanding]`` of the settings."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

EngineName = Literal["embedded", "local", "huggingface", "openai"]

_NOT_PREPARED = {
    *("key_variable", "deadline_s", "concurrency", "unmasked"),
    *("answers", "summaries", "writing_deadline_s"),
}


def plain_address(value: str) -> str:
    """The address of an OpenAI-compatible server, without a slash at its end; empty for none.

    Raises `ValueError` where it is no address, or holds a name and password.
    """
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password):
        raise ValueError("write an address such as https://models.example.com/v1, without name and password in it")
    return value.rstrip("/")


class Understanding(BaseModel):
    """The engine and its options. ``docs/settings.md`` documents each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: EngineName = "embedded"
    model: str = ""
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{0,100}$")] = ""
    address: Annotated[str, AfterValidator(plain_address)] = ""
    key_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "OPENAI_API_KEY"
    precision: Literal["int8", "int4", "float"] = "int8"
    deadline_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    neighbours: Annotated[int, Field(ge=0, le=50)] = 8
    candidates: Annotated[int, Field(ge=0, le=61)] = 0
    also_entities: bool | None = None
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    sample: Annotated[int, Field(ge=20, le=5000)] = 240
    unmasked: bool = False
    answers: bool = False
    summaries: bool = False
    writing_deadline_s: Annotated[float, Field(gt=0, le=20)] = 3.0

    @property
    def finds_entities(self) -> bool:
        """Whether the language model finds entities too: unless said otherwise, only behind an address."""
        return self.engine == "openai" if self.also_entities is None else self.also_entities

    @property
    def translates(self) -> bool:
        """Whether the engine is a language model, which can translate too."""
        return self.engine in {"local", "openai"}

    @property
    def writes(self) -> bool:
        """Whether a language model writes answers or summaries."""
        return self.answers or self.summaries

    def folder_name(self, release: str) -> str:
        """Name of the folder that an engine is prepared in: another model or way of asking is another folder."""
        facts = self.model_dump(exclude=_NOT_PREPARED)
        if not self.revision:
            del facts["revision"]
        return f"{release}-{self.engine}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:8]}"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.engine == "openai" and not (self.address and self.model):
            raise ValueError('engine "openai" needs address and model')
        if self.engine == "huggingface" and not self.model:
            raise ValueError('engine "huggingface" needs model: the id or folder of an encoder')
        if self.writes and (self.engine == "huggingface" or (self.engine == "embedded" and not self.address)):
            raise ValueError('answers and summaries need a language model: engine "local" or "openai", or an address')
        if self.writes and self.engine == "embedded" and not self.model:
            raise ValueError("answers and summaries need model: the name that the model has behind the address")
        return self
