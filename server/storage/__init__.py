"""What must not be lost: conversations, messages, turns with their decision records, escalations, desk events, staff.

SQLite (WAL) by default, PostgreSQL by one setting; the same statements serve both. Nothing here knows of sockets.
"""
