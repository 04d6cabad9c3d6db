"""Engines that answer from verified data, without unpickling anything."""
