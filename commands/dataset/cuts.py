"""Where to cut a backbone that nobody has tried: which of its first layers stay frozen in fine-tuning."""

from math import prod

from transfer.models.backbone import new_model
from transfer.models.tensorflow import keras

# As in MobileNetV2, where 54 of 154 layers were chosen by measurement; the cut may be this far from that share.
SHARE, DISTANCE = 0.35, 0.1


def early_cut(name: str, image_size: int) -> tuple[int, int]:
    """How many layers to freeze, and how many layers there are.

    Raises:
        UserError: Keras cannot build the backbone at this size.
    """
    # Only its layers matter: without weights, nothing is downloaded.
    return cheapest_cut(new_model(name, {}, image_size, "float32"))


def cheapest_cut(model: keras.Model) -> tuple[int, int]:
    """The cut near `SHARE` of the layers at which the fewest values of an image have to be cached.

    Inside a block, the tensor around the block is cached beside those in it, so the cut is the border of a block. Of
    several, the one nearest to the share is taken.
    """
    position = {id(layer): number for number, layer in enumerate(model.layers)}
    values: dict[int, tuple[int, int]] = {}
    last_use: dict[int, int] = {}
    for node in (node for nodes in model._nodes_by_depth.values() for node in nodes):
        for tensor in node.input_tensors:
            values[id(tensor)] = prod(tensor.shape[1:]), position[id(tensor._keras_history.operation)]
            last_use[id(tensor)] = max(last_use.get(id(tensor), 0), position[id(node.operation)])
    layers = len(model.layers)
    nearest = max(1, min(round(SHARE * layers), layers - 1))
    allowed = [cut for cut in range(1, layers) if abs(cut - SHARE * layers) <= DISTANCE * layers] or [nearest]

    def cached(cut: int) -> int:
        """How many values cross the cut: made by a layer before it, used by a layer after it."""
        return sum(size for tensor, (size, made) in values.items() if made < cut <= last_use[tensor])

    return min(allowed, key=lambda cut: (cached(cut), abs(cut - SHARE * layers))), layers
