"""Why a trial failed, from what DVC and the stage printed."""

import pytest

from commands.sweep.running import reason_of

STAGE = """Running stage 'train_tl':
> python -m stages.train_tl
Some line on the way.
The head cannot be trained so.
ERROR: failed to reproduce 'train_tl': failed to run: python -m stages.train_tl, exited with 1
"""
KILLED = "DVC ended with status -9 and without a message: it was killed, perhaps for want of memory."
FINETUNE = "Running stage 'finetune':\n> python -m stages.finetune\n"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (STAGE, "The head cannot be trained so."),
        (f"Running stage 'prepare':\n> python -m stages.prepare\nfine\n{STAGE}", "The head cannot be trained so."),
        # A stage that was killed prints nothing.
        (
            f"{FINETUNE}ERROR: failed to reproduce 'finetune': exited with -9\n",
            "failed to reproduce 'finetune': exited with -9",
        ),
        ("ERROR: unable to read dvc.yaml\n", "unable to read dvc.yaml"),
        (f"{FINETUNE}A line of a stage that ended well.\n", KILLED),
        ("", KILLED),
    ],
)
def test_the_reason_is_the_last_line_of_the_stage(log, reason):
    assert reason_of(log, -9) == reason
