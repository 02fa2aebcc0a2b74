"""Broken variants of the functions of the module, each with a short sequence that shows what it breaks."""

VARIANTS: list = []
class Variant: pass
