"""The only hands: files are read and written here, and nowhere else."""

STDIN = "<stdin>"
