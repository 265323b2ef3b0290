"""Engines: where a function runs over batches of rows, on this machine or on the nodes of a Ray cluster.

No result follows from the choice: every engine calls the same function on the same batches, and workers that would
compute other bytes are refused. So no stage depends on this code, and no stage lists the section `engine`.
"""
