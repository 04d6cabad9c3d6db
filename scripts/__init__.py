"""Thin command lines over ``app.lifecycle``, one verb a file."""
