"""Staff's sign-in by the company's own accounts (OpenID Connect): the table ``[oidc]`` of the settings."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

RoleName = Literal["agent", "supervisor", "admin"]
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SignIn(BaseModel):
    """The provider and what its claims mean. Off while ``issuer`` is empty. ``docs/settings.md`` documents each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    name: Annotated[str, Field(max_length=60)] = ""
    scopes: Annotated[str, Field(pattern=r"^openid( [!-~]+)*$")] = "openid profile email"
    username_claim: str = "preferred_username"
    role_claim: str = "roles"
    roles: dict[str, RoleName] = {"agent": "agent", "supervisor": "supervisor", "admin": "admin"}

    @property
    def on(self) -> bool:
        """Whether the login page offers it."""
        return bool(self.issuer)

    @field_validator("issuer")
    @classmethod
    def _secure_address(cls, value: str) -> str:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if value and (not secure or not parts.hostname or parts.username or parts.query or parts.fragment):
            raise ValueError("write the provider's issuer exactly as it names itself, beginning with https://")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.issuer and not self.client_id:
            raise ValueError("an issuer needs the client_id that the provider gave to Kefu")
        return self
