"""A conversation as a document: to download, or to send to the customer by e-mail."""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from server.company import Company
from server.settings import Settings
from server.storage.store import Conversation, Message
from server.texts import render, render_value

Json = dict[str, Any]
DEADLINE_S = 15.0


class MailError(Exception):
    """The mail server cannot be reached or refuses."""


def as_text(company: Company, state: Conversation, messages: Sequence[Message], language: str) -> str:
    """The transcript for people to read: who said what when, in the company's time."""
    zone = ZoneInfo(company.timezone)
    name = render_value(company.name, language)
    began = datetime.fromisoformat(state.created).astimezone(zone)
    lines = [render("transcript.title", {"company": name, "date": f"{began:%Y-%m-%d}"}, language), ""]
    for message in messages:
        who = message.extra.get("name") or render(f"transcript.{message.role}", {}, language)
        at = datetime.fromisoformat(message.at).astimezone(zone)
        said = message.text or render("handoff.picture", {}, language)
        if message.text and message.extra.get("image"):
            said = f"{said} {render('handoff.picture', {}, language)}"
        lines.append(f"{at:%H:%M} {who}: {said}")
    return "\n".join([*lines, ""])


def as_json(state: Conversation, messages: Sequence[Message]) -> Json:
    """The transcript for programs."""
    return {
        "conversation": state.id,
        "created": state.created,
        "locale": state.locale,
        "messages": [message.frame() for message in messages],
    }


class Mailer:
    """Sends e-mail through the company's mail server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def ready(self) -> bool:
        """Whether a mail server is set up."""
        return bool(self._settings.smtp_host and self._settings.mail_from)

    async def send(self, to: str, subject: str, text: str) -> None:
        """Sends a plain e-mail.

        Raises:
            MailError: The server cannot be reached, does not answer in time, or refuses.
        """
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.mail_from, to, " ".join(subject.split())
        message.set_content(text)
        try:
            async with asyncio.timeout(DEADLINE_S):
                await asyncio.to_thread(self._deliver, message)
        except (TimeoutError, OSError, smtplib.SMTPException) as error:
            raise MailError(type(error).__name__) from error

    def _deliver(self, message: EmailMessage) -> None:
        given = self._settings
        # Half the deadline for each step: the thread ends by itself where the caller has given up.
        if given.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                given.smtp_host, given.smtp_port, timeout=DEADLINE_S / 2, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(given.smtp_host, given.smtp_port, timeout=DEADLINE_S / 2)
        with server:
            if given.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if given.smtp_user and given.smtp_password is not None:
                server.login(given.smtp_user, given.smtp_password.get_secret_value())
            server.send_message(message)
