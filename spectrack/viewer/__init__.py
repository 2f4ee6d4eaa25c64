"""The viewer: a page in the browser that shows a sequence and its tracks, and tracks while one looks on."""
