"""Tests of the command line: one module for each noun, and the error boundary."""
