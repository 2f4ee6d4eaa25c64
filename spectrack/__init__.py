"""spectrack: track an object through hyperspectral video.

    sequence = spectrack.open_sequence("path/to/HSI")
    tracker = spectrack.load_tracker("siamban")
    for estimate in spectrack.track(sequence, tracker, box=(214, 61, 30, 42)):
        estimate.box, estimate.score, estimate.lost

The public names stand in `__init__.pyi`; each is imported when it is first used, so `import spectrack` costs next to
nothing.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
