"""Pictures from customers: the table ``[pictures]`` of the settings. ``docs/settings.md`` documents each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from server.settings_understanding import plain_address


class Pictures(BaseModel):
    """Who reads what stands in a picture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reader: Literal["ocr", "llm", "off"] = "ocr"
    """The embedded text recognition, a language model that sees, or nobody."""
    address: Annotated[str, AfterValidator(plain_address)] = ""
    model: str = ""
    key_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "OPENAI_API_KEY"
    deadline_s: Annotated[float, Field(gt=0, le=60)] = 8.0
    least_confidence: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Lines that the reader is less sure of are left out."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.reader == "llm" and not (self.address and self.model):
            raise ValueError('reader "llm" needs address and model')
        return self
