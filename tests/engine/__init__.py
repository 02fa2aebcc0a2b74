"""Shared code of the engine tests: sessions, checks of the four properties, and broken engines."""
