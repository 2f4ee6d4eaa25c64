"""The evidence channel: what the target's spectrum says, as a further input of any network's grid of answers."""
