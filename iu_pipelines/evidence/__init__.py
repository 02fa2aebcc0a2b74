"""Evidence: what the proofs, probes and ledgers of one database say, kept in a chain of packs."""
