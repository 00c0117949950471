"""The model service: understanding and search over HTTP, for the gateway, Rasa and the actions.

It imports none of them.
"""
