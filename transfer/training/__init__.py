"""The one training loop: optimizer, early stopping, state for resuming, learning curves, rounds.

The loop trains any Keras model on any batches; which layers and which images those are is the caller's business.
"""
