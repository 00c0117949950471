"""``kefu up``: build what is missing, start every process, keep them alive, stop them together.

``policy`` decides (pure, no clock, no processes), ``child`` runs one process, ``supervisor`` runs them all and
``services`` says which there are; ``build`` and ``prepare`` make what they need, ``display`` shows it, ``command`` ties
it together.
Nothing here may import the gateway, the models or Rasa: the supervisor stays small while they hold the memory.
"""
