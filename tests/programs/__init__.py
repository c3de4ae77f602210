"""Ordinary numerical functions as people write them, by kind of hazard.

Each file is a kind of hazard; `@program(arguments)` marks a function of the corpus. `test_programs.py` runs each
of them in every variant: adding a function here is all that a new test needs.
"""
