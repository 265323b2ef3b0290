"""What a person reads and what is refused: errors, progress bars, the allowed values of parameters, held-back notes.

No result follows from this code, so no stage depends on it; code that changes a number, a table or a picture does not
belong here.
"""
