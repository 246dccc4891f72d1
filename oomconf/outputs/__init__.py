"""Findings in the forms that people and machines read, one a file; none opens a file."""
