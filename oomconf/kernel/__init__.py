"""Facts of the kernel: tables and pure functions."""
