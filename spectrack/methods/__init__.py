"""Methods: one folder a published tracker, with all that belongs to it alone."""
