"""Simulated hyperspectral video with exact truth: materials, light, shapes, motion, scenes, cameras, scenarios."""
