"""Arrow's stream format (IPC), without a library: those that were tried crash on hostile bodies."""
