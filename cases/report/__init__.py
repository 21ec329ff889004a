"""The page about a run: sentences, tables, figures; the same tables on the screen; the ParaView script.

Reads finished results only.  Imports :mod:`cases.stages`, :mod:`cases.figures`, :mod:`cases.results`,
:mod:`cases.base`.
"""
