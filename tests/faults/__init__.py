"""Delivered files as real senders break them, each with what must be said about it.

What belongs here: small files written by hand from the published formats and from how extracts go wrong, and the fate
of each of their records. They were written before the contracts were looked at; where a contract and a file disagreed,
somebody decided who was right. What does not belong here: files made from a contract (``synthetic/`` plants those).
"""
