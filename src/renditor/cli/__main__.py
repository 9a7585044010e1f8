"""``python -m renditor.cli``."""

import sys

from renditor.cli import main

if __name__ == "__main__":
    sys.exit(main())
