"""`make verify`: run the last commit from scratch and compare every out."""
