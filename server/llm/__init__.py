"""Large language models: one that runs here, any that speaks the OpenAI protocol, and the understanding built on them.

`grammar` (JSON that cannot be wrong) and `prompts` are pure; `local` and `hf` compute; `serve` and `client` are the two
ends of the protocol; `engine` is an understanding engine beside the embedded one of `server.nlu`.
"""
