"""Seeded fuzzing: input that nobody means to give, in quantity.

``python -m tests.fuzz --seed S --count N [WHAT …]`` runs the generators at length; the suite runs a few
hundred cheap ones (``tests/fuzz/test_fuzz.py``).  A traceback, a hang, an abort, an exit code that is none of
the program's, an error of several lines or the loss of a foreign file is a failure.
"""
