"""Looks into a pickle without opening it: which names it asks for, which calls it would make."""
