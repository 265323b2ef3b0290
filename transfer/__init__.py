"""Image classification by transfer learning: the ideas that the pipeline's stages are made of.

Each module is one idea. None of them knows the stages or DVC, except `binding`, whose idea is the `.dvc` file.
"""
