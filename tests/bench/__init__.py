"""Benchmarks: side by side in one run, reported and never asserted."""
