"""Security: roles, row security, passwords, overloaded functions of other roles, locked dependencies."""
