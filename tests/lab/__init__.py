"""A laboratory of real servers on loopback: Postfix, Dovecot's SASL, PostgreSQL, Redis, and our own processes."""
