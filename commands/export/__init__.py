"""`make export`: the selected model as files that need nothing of this project."""
