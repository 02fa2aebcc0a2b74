"""Faults: kills, full disks, timeouts, restores. The tests use separate servers."""
