"""`python -m commands.review`: the comment of a pull request, as Markdown."""
