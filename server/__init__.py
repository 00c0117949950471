"""What runs Kefu: settings, understanding, model service, gateway, storage, web front ends and the command line.

It must not import ``bot`` (another Python); rasa is reached over its own channel only.
"""
