"""The learning loop's cores: groups of similar messages, labels, what is trained from them, which release is better.

Pure but for `snapshot` (writes a folder) and `job` (the process that trains); nothing here may import the gateway, the
database or `server.up`. `server.gateway.learning_*` is the shell around it.
"""
