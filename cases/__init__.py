"""The case layer: case files, landscapes, noise models, comparison, reports, command line."""
