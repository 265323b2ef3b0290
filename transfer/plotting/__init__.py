"""Pictures for people: drawing them, choosing the images of a gallery, heat maps of what a model saw.

Charts that DVC draws from tables are templates in .dvc/plots; the numbers in a picture come from evaluation.
"""

import logging

# Matplotlib warns if it may not write to the user's home, and uses a temporary folder, on which no picture depends.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
