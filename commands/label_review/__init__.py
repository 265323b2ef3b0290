"""`make review`: a page on which a person judges suspected labels and near-duplicates."""
