"""Tests of the embedded server, one module for each of its parts."""
