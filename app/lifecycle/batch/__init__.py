"""Scoring whole files: what is read, how it is cut into parts, who scores them, what is written."""
