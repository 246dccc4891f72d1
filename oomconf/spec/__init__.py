"""The native dialect: what the user writes, and what it says as policies."""
