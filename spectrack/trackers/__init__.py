"""Trackers: what every method shares, from its descriptor and its loading to crops and online decisions."""
