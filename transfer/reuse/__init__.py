"""Reuse: what the last version of an out has of the same images is taken over, and only the rest is computed.

Nothing here decodes an image (see dataset) or runs a model (see caching).
"""
