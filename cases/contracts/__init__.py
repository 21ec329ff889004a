"""What ``summary.json`` holds: every key, its type and what it means.  The one place of that contract.

It imports nothing of the project; whatever writes or reads a summary imports it.
"""
