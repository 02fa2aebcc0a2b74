"""Access to PostgreSQL: the gateway, the embedded server and the steps."""
