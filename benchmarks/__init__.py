"""What the project claims, measured: each script writes its figures to benchmarks/results/."""
