"""`make report`: one page about the last run, which needs no network."""
