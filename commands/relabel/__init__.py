"""`make relabel`: apply the verdicts of a review to dataset_images/."""
