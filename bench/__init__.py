"""Comparisons, one file each: ``python -m bench.<name>`` prints its table; ``make bench`` prints all."""
