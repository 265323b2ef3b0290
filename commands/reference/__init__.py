"""`make docs`: write docs/reference/ from the code, the pipeline and the committed results."""
