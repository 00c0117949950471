"""Documents that become help articles: read in a process of its own with limits, cut into pieces, shown before use.

Nothing in here talks to a database, and the readers only ever run in the child process (`server.documents.child`).
"""
