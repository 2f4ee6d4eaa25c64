"""Exports: a tracker's network as models that other programs run, with what they need to know about it."""
