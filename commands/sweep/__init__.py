"""make sweep: many trials of the pipeline, each a DVC experiment, and the table that compares their recipes."""
