"""Voice: who speaks when, what was said, and how replies are spoken. docs/voice.md has the data flow.

`turn_taking`, `words`, `agreement`, `spoken`, `speakable` and `fair_queue` are pure; `vad`, `whisper` and `piper_voice`
run models and are imported only where one runs. Nothing in here knows of sockets, databases or HTTP.
"""
