"""Backbones, heads, their weights and checkpoints, and the one place that imports TensorFlow.

Nothing here trains a model (see training) or judges one (see evaluation).
"""
