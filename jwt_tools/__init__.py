"""Command lines for tokens and keys."""
