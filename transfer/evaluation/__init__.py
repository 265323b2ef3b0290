"""Scores of predictions: metrics with intervals, significance, calibration, near-duplicates, heat maps, tables.

Everything here looks at a model from outside; nothing here changes one, and nothing draws.
"""
