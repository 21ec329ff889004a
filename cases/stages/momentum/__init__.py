"""A loss with momentum, ``system.friction``: rates beside the laws of Kramers and of Mel'nikov and Meshkov.

Imports what every stage may, see :mod:`cases.stages`.
"""
