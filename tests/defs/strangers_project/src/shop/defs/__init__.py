"""The definitions that are loaded from this folder."""
