"""Understanding: from examples to a calibrated parse, without a socket anywhere.

`train.train` turns examples into an artefact (a folder), `engine.Engine` turns an artefact and a text into a `Parse`.
Nothing here may import the gateway, the storage, Rasa or a web framework.
"""
