"""Files, arrays, threads and memory: tools that any Python project with DVC could use.

Nothing here knows images, models or training.
"""
