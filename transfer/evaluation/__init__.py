"""Scores of predictions: metrics, intervals, significance, calibration, near-duplicates, model selection, tables.

Everything here looks at a model from outside; nothing here changes one, and nothing draws.
"""
