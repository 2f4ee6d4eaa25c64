"""Trackers: a method a file, with the crop geometry and the online decisions they share."""

from spectrack.trackers.base import Estimate, Tracker, track
from spectrack.trackers.loading import load_tracker
from spectrack.trackers.registry import list_trackers, register

__all__ = ["Estimate", "Tracker", "list_trackers", "load_tracker", "register", "track"]
