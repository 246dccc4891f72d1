"""What diagnose and simulate print: tables and bars for people, JSON for machines, Markdown for a post-mortem; none opens a file."""
