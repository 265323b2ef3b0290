"""Cross-validation: what a recipe achieves on images that it has not seen.

Every training and validation image is predicted by a head that was trained without it. The test split plays no part.
"""
