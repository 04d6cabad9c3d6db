"""The audit log: events wait here, are chained and signed, and are written to a database."""
