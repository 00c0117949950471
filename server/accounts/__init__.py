"""The demo company's account back end: the built-in service behind the account contract, with its data in one file.

It serves ``docs/account-api.yaml`` so that the assistant can be tried without a real customer and billing system. A
demo sends no text messages: one-time codes and payment requests are shown in an inbox of its own (``/demo/inbox``).
It must not import the gateway, the storage or the actions: a real back end could not either.
"""

from server.accounts.app import create_app

__all__ = ["create_app"]
