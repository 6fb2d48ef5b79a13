"""How each kind of model is trained. Only the stage `train` and the benchmarks need this room."""

from classifier.errors import VerdictError
from classifier.params import Train
from classifier.training.loop import Data, Fitted


def fit(params: Train, train: Data, validation: Data) -> Fitted:
    """Train the kind of model that `train.model` names.

    Raises:
        VerdictError: the device is not there, or this kind cannot use it.
    """
    # One kind's library is not imported for the other: torch takes 1.5 s, scikit-learn 1 s.
    if params.model == "linear":
        if params.device != "cpu":
            what = f"train.device: linear runs on cpu, not on {params.device}"
            raise VerdictError("params.yaml", what, "train.device: cpu, or train.model: bag")
        from classifier.training.linear import fit_linear

        return fit_linear(params, train, validation)
    from classifier.training.bag import fit_bag

    return fit_bag(params, train, validation)
