"""From prepared images to batches: the arrays in prepared/, augmented views, the order and size of batches.

Nothing here opens an image file (see dataset) or runs a model (see models).
"""
