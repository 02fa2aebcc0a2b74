"""The sender: it claims deliveries, sends them to targets of different kinds, and records the outcomes."""
