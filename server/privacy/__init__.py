"""Finding personal data in what people write, and putting ``<PHONE>`` and the like in its place.

Pure functions over text: nothing here knows of sockets, databases or settings. Numbers are judged by their own rules
(numbering plans, check digits, calendars) and by the words before them; names and addresses by their form. There is no
model in it, so that every line of every log can be masked.
"""

from server.privacy.mask import find, mask, mask_json
from server.privacy.spans import KINDS, Span

__all__ = ["KINDS", "Span", "find", "mask", "mask_json"]
