"""Tests of the whole product: the demo, the documents, the wheel, and a noun added by the recipe."""
