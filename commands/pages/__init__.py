"""What the pages for a browser share: their style, and how their templates are read."""
