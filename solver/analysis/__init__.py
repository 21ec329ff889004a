"""The order of the stages: noise levels, V of every well, barriers, what they say of each other.

Imports every other room of physics.
"""
