"""Handwritten digits: a perceptron with one hidden layer, its loss written with plain loops, trained by SGD.

    python examples/digits.py [--epochs N] [--hidden N] [--rate R] [--output FILE]

scikit-learn ships 1797 scanned digits of 8 × 8 grey pixels (E. Alpaydin and C. Kaynak, UCI 1998). The loss of
a minibatch is a scalar function of four arrays of weights; its gradient comes back as four arrays, which descent
with momentum follows.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad


def forward(w1, b1, w2, b2, pixels, hidden, scores):
    """Fill `hidden` with tanh(w1 pixels + b1) and `scores` with w2 hidden + b2."""
    for j in range(len(b1)):
        total = b1[j]
        for i in range(len(pixels)):
            total += w1[j, i] * pixels[i]
        hidden[j] = math.tanh(total)
    for k in range(len(b2)):
        total = b2[k]
        for j in range(len(b1)):
            total += w2[k, j] * hidden[j]
        scores[k] = total


@llad.jit_grad(argnums=(0, 1, 2, 3))
def loss(w1, b1, w2, b2, images, labels, batch, decay):
    """Mean cross entropy of the images whose numbers are in `batch`, plus decay/2 times ‖weights‖²."""
    hidden = np.zeros(len(b1))
    scores = np.zeros(len(b2))
    total = 0.0
    for n in range(len(batch)):
        forward(w1, b1, w2, b2, images[batch[n]], hidden, scores)
        top = scores[0]
        for k in range(1, len(scores)):
            top = max(top, scores[k])
        partition = 0.0
        for k in range(len(scores)):
            partition += math.exp(scores[k] - top)
        total += math.log(partition) + top - scores[labels[batch[n]]]
    penalty = 0.0
    for j in range(w1.shape[0]):
        for i in range(w1.shape[1]):
            penalty += w1[j, i] ** 2
    for k in range(w2.shape[0]):
        for j in range(w2.shape[1]):
            penalty += w2[k, j] ** 2
    return total / len(batch) + 0.5 * decay * penalty


@llad.jit
def accuracy(w1, b1, w2, b2, images, labels):
    """The fraction of images whose highest score is that of their label."""
    hidden = np.zeros(len(b1))
    scores = np.zeros(len(b2))
    right = 0
    for n in range(len(labels)):
        forward(w1, b1, w2, b2, images[n], hidden, scores)
        best = 0
        for k in range(1, len(scores)):
            if scores[k] > scores[best]:
                best = k
        if best == labels[n]:
            right += 1
    return right / len(labels)


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training images and labels, test images and labels; pixels from -1 to 1, a fifth is for the test."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images / 8.0 - 1.0
    order = np.random.default_rng(0).permutation(len(labels))
    test, train = order[:360], order[360:]
    return images[train], labels[train].astype(np.int64), images[test], labels[test].astype(np.int64)


def initial(hidden: int, inputs: int = 64, outputs: int = 10) -> list[np.ndarray]:
    """Weights of variance 1/inputs of their layer, biases of zero: w1, b1, w2, b2."""
    random = np.random.default_rng(1)
    return [
        random.normal(0.0, inputs**-0.5, (hidden, inputs)),
        np.zeros(hidden),
        random.normal(0.0, hidden**-0.5, (outputs, hidden)),
        np.zeros(outputs),
    ]


def train(weights, images, labels, test_images, test_labels, epochs, rate, size=32, momentum=0.9, decay=1e-3):
    """Follow the gradient of minibatches; `weights` are written. Per epoch: mean loss, test accuracy."""
    from tqdm import tqdm

    random = np.random.default_rng(2)
    speeds = [np.zeros_like(w) for w in weights]
    history = []
    with tqdm(range(epochs), unit="epoch", disable=None) as bar:
        for epoch in bar:
            order = random.permutation(len(labels))
            falling = rate * 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))
            losses = []
            for start in range(0, len(order), size):
                batch = order[start : start + size]
                value, gradients = loss.value_and_grad(*weights, images, labels, batch, decay)
                losses.append(value)
                for weight, speed, gradient in zip(weights, speeds, gradients, strict=True):
                    speed *= momentum
                    speed -= falling * gradient
                    weight += speed
            history.append((float(np.mean(losses)), accuracy(*weights, test_images, test_labels)))
            bar.set_postfix(loss=f"{history[-1][0]:.4f}", test=f"{history[-1][1]:.2%}")
    return history


def picture(history: list[tuple[float, float]], file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    losses, accuracies = zip(*history, strict=True)
    epochs = range(1, len(history) + 1)
    figure, (left, right) = pyplot.subplots(1, 2, layout="constrained", figsize=(9, 3.5))
    left.semilogy(epochs, losses)
    left.set(xlabel="epoch", title="loss on the training set")
    right.plot(epochs, accuracies)
    right.set(xlabel="epoch", title="accuracy on the test set")
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=25, help="how often each digit is learned from")
    parser.add_argument("--hidden", type=int, default=48, help="units of the hidden layer")
    parser.add_argument("--rate", type=float, default=0.05, help="the first epoch's learning rate")
    parser.add_argument("--output", metavar="FILE", help="a picture of the learning curve")
    args = parser.parse_args(argv)

    images, labels, test_images, test_labels = data()
    weights = initial(args.hidden)
    history = train(weights, images, labels, test_images, test_labels, args.epochs, args.rate)
    print(f"{history[-1][1]:.2%} of {len(test_labels)} test digits are read rightly ({args.epochs} epochs)")
    if args.output:
        picture(history, args.output)
        print(f"wrote {args.output}")
    return history[-1][1]


if __name__ == "__main__":
    main()
