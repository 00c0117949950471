"""The dialogue core and the Rasa SDK actions around it.

`actions.dialogue.respond` is the core: a turn and a state in, messages and the next state out. What it needs of
the world comes through the protocols of `actions.ports`. It must not import the gateway, the storage or ``bot``.
"""
