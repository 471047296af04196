"""Tables as Markdown, LaTeX, HTML and CSV."""
