"""Files, arrays, threads and memory: tools that any Python project could use.

Nothing here knows images, models or training.
"""
