"""The dialogue core and the Rasa SDK actions around it.

It talks to the account back end and to retrieval over HTTP and must not import the gateway or the storage.
"""
