"""What stands in a picture, and which of it matters to a turn. Knows no sockets, no database and no HTTP."""
