"""Quality that people can read: what came, how good it was, what it does to the list, and what to tell the sender.

Belongs here: measures over ledgers and file profiles, rules across sources, the weekly page, the workbook for a sender,
the suites over what is published. Does not belong here: rules on rows (the contracts) and anything that stops a run.
"""
