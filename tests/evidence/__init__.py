"""Tests of the evidence: packs, ledgers, proofs and reports."""
