"""What diagnose, simulate and audit print: tables and bars for people, JSON for machines, Markdown for a post-mortem; none opens a file."""
