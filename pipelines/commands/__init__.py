"""Groups of commands, each a thin function over the module that does the work.

Belongs here: options, questions to the person at the terminal, what is printed. Does not belong here: the work.
"""
