"""Whether all that the project needs is there and whole, here and on the remote, and what to run if it is not."""
