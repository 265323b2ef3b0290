"""Image classification by transfer learning: the ideas that the pipeline's stages are made of.

Each module is one idea. None of them knows the stages or DVC, except `binding`, whose idea is the `.dvc` file.
"""

from transfer import faults

# A program takes a second to import what it needs: Ctrl-C may come before its `main` does
faults.tell_when_interrupted()
