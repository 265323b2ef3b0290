"""`make report`: one page about the last run, that opens without a network."""
