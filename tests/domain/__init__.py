"""Tests of the domain functions, one module for each noun."""
