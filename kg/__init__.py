"""Fault-tree knowledge graph: model, exact probability, diagnosis and retrieval.

Pure library code: it must not import rasa, the server, sockets or databases.
"""
