"""What a tracked target measures, frame by frame: spectrum, scatter, area, place; and its mask."""
