"""Scores rows that come one by one: from JSON lines and from Kafka, by the same rules."""
