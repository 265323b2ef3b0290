"""What a stage keeps on disk while it runs: progress that survives a kill, and activations computed once.

The outs of a stage do not belong here: DVC removes them before the stage runs.
"""
