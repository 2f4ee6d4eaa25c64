"""Search of a tracker's online parameters on sequences with truth: seeded, resumable, with its landscape."""
