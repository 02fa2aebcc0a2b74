"""Faults: kills, full disks, timeouts, restores. The servers here are of the tests' own."""
