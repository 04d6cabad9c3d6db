"""The gate itself, without Flask: who comes in, what is answered, in which shape."""
