"""The only port for people: customer sockets, the desk, REST and the pages.

It owns the conversations. Understanding is asked of the model service, decisions of Rasa; what they answer is stored
before anybody sees it.
"""

from server.gateway.accounts import Credential, bootstrap

__all__ = ["Credential", "bootstrap"]
