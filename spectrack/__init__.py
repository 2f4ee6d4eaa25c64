"""spectrack: track an object through hyperspectral video."""
