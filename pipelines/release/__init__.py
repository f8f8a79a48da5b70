"""The one door through which a list gets names: who may open it, what is checked first, and the record of it.

Belongs here: roles, approvals, the checks made at release, the join with the vault, the audit chain.

Does not belong here: who is on a list (outreach), where things lie (the store), anything that writes an NHS number
elsewhere than into the folder of one release.
"""
