"""What must not be said: lists that admins edit, matched against customers' messages and the bot's replies.

Pure: text in, verdict out. Where the lists are kept is for `server.gateway.content`, what a verdict leads to for the
turn runner.
"""

from server.content.filter import CLASSES, ContentFilter, Lists, ListsError, Verdict, builtin, load, parse

__all__ = ["CLASSES", "ContentFilter", "Lists", "ListsError", "Verdict", "builtin", "load", "parse"]
