"""The soak: everything that disturbs an outbox at once, for as long as asked, and a verdict at the end."""
