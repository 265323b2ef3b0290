"""Predictions for any images: which files, which model, and how the result is written.

Used by `predict.py` and `make export`; no stage needs it.
"""
