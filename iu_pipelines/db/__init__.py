"""The database: gateway, embedded server and steps."""
