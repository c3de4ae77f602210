"""Random Python programs, and what must hold of every one.

`write` writes a program · `subject` runs it in plain Python · `checks` compares everything else with that ·
`shrink` makes a failing program small · `keep` prints it as a test · `hunt` does this for minutes or hours:

    python -m tests.fuzz --minutes 10 --seed 7
"""
