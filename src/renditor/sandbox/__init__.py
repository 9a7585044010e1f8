"""Confinement: every program and every decoder that touches untrusted bytes runs locked down, guarded and killable."""
