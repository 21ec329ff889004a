"""What every part of the case layer uses: input errors and exit codes, numbers as text, progress, ranks.

Imports nothing of the project.
"""
