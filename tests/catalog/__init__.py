"""Tests of the rules that the database catalog, the code and the documents follow."""
