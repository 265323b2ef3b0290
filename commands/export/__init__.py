"""`make export`: write the selected model as files that do not need this project."""
