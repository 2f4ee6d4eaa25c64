"""Simulated hyperspectral video with exact truth: materials, light, shapes, motion, scenes, cameras, scenarios."""

RENDERING_SOURCE = ("simulation", "sensors.py", "spectra.py", "false_colour.py")
"""The code that decides every rendered pixel, for `spectrack.provenance.source_digest`."""
