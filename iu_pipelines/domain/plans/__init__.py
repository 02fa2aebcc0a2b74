"""Plans: the difference between an outbox file and the database, and how it is applied."""
