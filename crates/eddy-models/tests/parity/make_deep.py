"""Makes deep.json: small neural nets with the weights that PyTorch and scikit-learn gave them, rows, and what they make of
them. Weights are put the way Eddy saves them, so that the very same net can be loaded.

Run with numpy, scikit-learn and torch installed: python3 make_deep.py
"""

import json
import pathlib

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from torch import nn

D, WINDOW, HIDDEN = 3, 6, 5

torch.manual_seed(7)
rng = np.random.default_rng(7)
time = np.arange(40)[:, None]
rows = (np.sin(time / np.array([2.0, 3.0, 5.0])) + 0.3 * rng.standard_normal((40, D))).astype(np.float32)
rows[30] += 3
means, scales = np.array([0.1, -0.2, 0.0]), np.array([0.5, 1.0, 2.0])
x = torch.tensor((rows - means) / scales, dtype=torch.float32)


def flat(values) -> list[float]:
    return [float(f"{value:.9g}") for value in np.asarray(values).ravel()]


def model(name: str, values: dict, arrays: dict, scores) -> dict:
    """`scales` and `means` are 64-bit, weights 32-bit."""
    return {
        "detector": name,
        "values": {"n_features": D} | values,
        "f64": {"means": flat(means), "scales": flat(scales)},
        "f32": {key: flat(array) for key, array in arrays.items()},
        "scores": flat(scores),
    }


def dense() -> dict:
    sizes = [D, 9, 2, 9, D]
    layers = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]
    net = nn.Sequential(layers[0], nn.ReLU(), layers[1], layers[2], nn.ReLU(), layers[3])
    with torch.no_grad():
        scores = ((net(x) - x) ** 2).mean(1)
    arrays = {}
    for idx, layer in enumerate(layers):
        arrays |= {f"weights_{idx}": layer.weight.detach().T, f"bias_{idx}": layer.bias.detach()}
    return model("autoencoder", {"sizes": sizes}, arrays, scores)


def recurrent(name: str, kind: type, gates: list[int]) -> dict:
    """`gates` are PyTorch's in Eddy's order."""
    reader, writer, out = kind(D, HIDDEN, batch_first=True), kind(HIDDEN, HIDDEN, batch_first=True), nn.Linear(HIDDEN, D)

    def ours(weight):
        return torch.cat([weight.detach().reshape(len(gates), HIDDEN, -1)[gate] for gate in gates]).T

    arrays = {}
    for part, layer in (("reader", reader), ("writer", writer)):
        if kind is nn.GRU:
            # Eddy's has one bias.
            nn.init.zeros_(layer.bias_hh_l0)
        arrays |= {
            f"{part}_weights": ours(layer.weight_ih_l0),
            f"{part}_recurrent": ours(layer.weight_hh_l0),
            f"{part}_bias": ours(layer.bias_ih_l0 + layer.bias_hh_l0),
        }
    arrays |= {"row_weights": out.weight.detach().T, "row_bias": out.bias.detach()}
    padded = torch.cat([x[:1].expand(WINDOW - 1, -1), x])
    windows = padded.unfold(0, WINDOW, 1).transpose(1, 2)
    with torch.no_grad():
        _, state = reader(windows)
        state = state[0] if kind is nn.LSTM else state
        given, _ = writer(state[-1].unsqueeze(1).expand(-1, WINDOW, -1))
        scores = ((out(given)[:, -1] - x) ** 2).mean(1)
    return model(name, {"window": WINDOW, "hidden_size": HIDDEN}, arrays, scores)


def mlp() -> dict:
    classes = (rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0.5)
    net = MLPClassifier((7, 4), max_iter=300, random_state=1).fit(x.numpy(), classes)
    arrays = {}
    for idx, (weights, bias) in enumerate(zip(net.coefs_, net.intercepts_)):
        arrays |= {f"weights_{idx}": weights, f"bias_{idx}": bias}
    # The first class is normal, the others are attacks.
    scores = net.predict_proba(x.numpy())[:, 1:].sum(1)
    names = {"names": ["a", "b", "c"], "is_attack": [False, True, True]}
    return model("mlp", {"sizes": [D, 7, 4, 3], "classes": names}, arrays, scores)


models = [
    dense(),
    recurrent("lstm_autoencoder", nn.LSTM, [0, 1, 3, 2]),
    recurrent("gru_autoencoder", nn.GRU, [0, 1, 2]),
    mlp(),
]
with open(pathlib.Path(__file__).parent / "deep.json", "w") as file:
    head = json.dumps({"n_cols": D, "rows": flat(rows)})[:-1]
    file.write(head + ', "models": [\n' + ",\n".join(map(json.dumps, models)) + "\n]}\n")
