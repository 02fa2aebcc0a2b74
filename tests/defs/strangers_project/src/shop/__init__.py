"""The code location of a stranger: assets, an executor and loggers of its own, and two mounted outboxes."""
