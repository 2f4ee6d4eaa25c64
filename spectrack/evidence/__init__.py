"""What the spectrum says of each pixel, target or surroundings: likelihood ratio, matched filter, ACE, angle, RX."""
