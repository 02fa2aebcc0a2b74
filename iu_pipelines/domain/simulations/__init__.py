"""Simulations: what a proposed configuration decides about past events, beside what was decided."""
