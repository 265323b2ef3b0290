"""`make next`: which unlabelled images a person should label next."""
