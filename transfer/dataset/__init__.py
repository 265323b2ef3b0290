"""The dataset on disk: listing image files, checking the split, decoding and preparing images.

Code for prepared arrays belongs in loading; code that only `make dataset` needs belongs in commands/dataset.
"""
