"""Backbones: a file each, on one pixel grid."""
