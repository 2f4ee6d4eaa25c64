"""``python -m spectrack`` is the same as the command ``spectrack``."""

import sys

from spectrack.cli import main

sys.exit(main())
