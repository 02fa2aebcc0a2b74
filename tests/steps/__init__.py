"""Tests of the steps: apply, roll back, verify, lint and upgrade."""
