"""Training: pairs, labels, losses, the loop, and recipes that anyone can run again."""
