"""Memory-protection policy as code for Linux."""

__version__ = "0.1.0"
