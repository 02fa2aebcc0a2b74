"""Plans and counts: what a hot path reads and writes."""
