"""What `docs/generate.py` writes, one module for each source."""


class IncompletePageError(Exception):
    """A page lacks what its author has to write, such as the marks of a table."""
