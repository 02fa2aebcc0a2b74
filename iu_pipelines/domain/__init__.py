"""One module for each noun: frozen dataclasses, and functions that take a gateway or a session."""
