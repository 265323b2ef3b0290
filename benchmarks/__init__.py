"""Measurements of what the project claims. Each script writes its figures to benchmarks/results/."""
