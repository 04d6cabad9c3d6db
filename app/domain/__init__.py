"""The rules: no Flask, no files, no network."""
