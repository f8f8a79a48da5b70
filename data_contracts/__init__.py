"""What a delivery must look like, and what becomes of it when it arrives.

Belongs here: the contracts (one ODCS 3.1 file a source), the codelists and reference tables, and the code that reads
a delivery against its contract: intake (bytes to text), conform (text to typed rows and quarantine), identity
(number to ``person_id``), ledger (one fate for every record).

Does not belong here: anything that joins two sources, anything about a week, any path or connection of its own.
"""
