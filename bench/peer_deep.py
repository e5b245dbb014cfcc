"""One peer of the bench of neural detectors: teaches a net and prints, epoch by epoch, the seconds it took and the loss.

peer_deep.py torch|keras dense|lstm ROWS.f32 N_COLS EPOCHS THREADS SEED
"""

from __future__ import annotations

import json
import os
import sys
import time

BATCH, WINDOW, HIDDEN = 32, 24, 32


def say(epoch: int, start: float, loss: float) -> None:
    print(json.dumps({"epoch": epoch, "seconds": time.perf_counter() - start, "loss": loss}), flush=True)


def examples(net: str, path: str, n_cols: int):
    import numpy as np

    rows = np.fromfile(path, np.float32).reshape(-1, n_cols)
    if net == "dense":
        return rows
    windows = np.lib.stride_tricks.sliding_window_view(rows, WINDOW, axis=0)
    return np.ascontiguousarray(windows.transpose(0, 2, 1))


def with_torch(net: str, values, epochs: int, threads: int, seed: int) -> None:
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    n_cols = values.shape[-1]

    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.reader = nn.LSTM(n_cols, HIDDEN, batch_first=True)
            self.writer = nn.LSTM(HIDDEN, HIDDEN, batch_first=True)
            self.rows = nn.Linear(HIDDEN, n_cols)

        def forward(self, x):
            _, (state, _) = self.reader(x)
            given, _ = self.writer(state[-1].unsqueeze(1).expand(-1, WINDOW, -1))
            return self.rows(given)

    if net == "dense":
        model = nn.Sequential(
            nn.Linear(n_cols, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10),
            nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, n_cols),
        )
    else:
        model = Windows()
    x = torch.from_numpy(values)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    mse = nn.MSELoss()
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        order, total = torch.randperm(len(x)), 0.0
        for first in range(0, len(x), BATCH):
            batch = x[order[first : first + BATCH]]
            adam.zero_grad(set_to_none=True)
            loss = mse(model(batch), batch)
            loss.backward()
            adam.step()
            total += loss.detach() * len(batch)
        say(epoch, start, float(total) / len(x))


def with_keras(net: str, values, epochs: int, threads: int, seed: int) -> None:
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": str(threads), "KERAS_BACKEND": "tensorflow"}
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    n_cols = values.shape[-1]
    if net == "dense":
        inner = [
            layers.Dense(64, "relu"), layers.Dropout(0.1), layers.Dense(10),
            layers.Dense(64, "relu"), layers.Dropout(0.1), layers.Dense(n_cols),
        ]
    else:
        inner = [
            layers.LSTM(HIDDEN), layers.RepeatVector(WINDOW), layers.LSTM(HIDDEN, return_sequences=True),
            layers.Dense(n_cols),
        ]
    model = keras.Sequential([keras.Input(values.shape[1:]), *inner])
    model.compile(keras.optimizers.Adam(1e-3), "mse")

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None) -> None:
            say(epoch + 1, self.start, float(logs["loss"]))

    model.fit(values, values, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[Clock()])


def main() -> None:
    who, net, path, *numbers = sys.argv[1:]
    n_cols, epochs, threads, seed = map(int, numbers)
    values = examples(net, path, n_cols)
    {"torch": with_torch, "keras": with_keras}[who](net, values, epochs, threads, seed)


if __name__ == "__main__":
    main()
