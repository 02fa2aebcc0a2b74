"""Behaviours written in SQL, and the test that runs them."""
