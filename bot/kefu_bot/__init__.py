"""The Rasa side of Kefu: NLU component, fallback, channel and patches. It must not import the rest of the project."""
