"""Image classification by transfer learning: the library behind the pipeline's stages.

Each room (sub-package) is one layer, and imports run downwards only, from inference to cross_validation, evaluation,
plotting, training, caching, models, dataset, loading, common and interface. The two modules beside the rooms, `command`
and `params_file`, frame every script. No room knows the stages or DVC, except `common.dvcfile`, which edits the `.dvc`
file of a dataset.
"""

from transfer import command

# Importing TensorFlow takes seconds, and a user may press Ctrl-C before `main` starts.
command.report_interrupts()
