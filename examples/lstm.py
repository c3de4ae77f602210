"""A language model of long short-term memory, trained on Hawaii's anthem, whose alphabet has just fourteen signs.

    python examples/lstm.py [--layers N] [--steps N] [--output FILE]

The objective is the diagonal LSTM of ADBench (F. Srajer, Z. Kukelova, A. Fitzgibbon, Optim. Methods Softw. 33,
2018; S. Hochreiter and J. Schmidhuber, Neural Comput. 9, 1997). Unit k of a layer has a hidden value h and a cell c,
and sees the value x of unit k one layer below; σ is the logistic function:

    forget = σ(w₁ x + b₁)   ingate = σ(w₂ h + b₂)   outgate = σ(w₃ x + b₃)   change = tanh(w₄ h + b₄)
    c ← forget · c + ingate · change                 h ← outgate · tanh(c)

The first layer's x is the character's code times `extra[0]`; the scores of the next character are y = h · extra[1] +
extra[2] of the last layer's h, and the loss is -code · (y - log(2 + Σ exp y)), averaged over all numbers of all codes.
The weights are diagonal: with one unit a letter, as here, a letter's score knows when that letter occurred,
and nothing of the others. So the model learns how letters return, and cannot learn words.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

import llad

# Hawaiʻi Ponoʻī: words by Kalākaua, 1874; without capitals, long vowels and punctuation
TEXT = (
    "hawaiʻi ponoʻi nana i kou moʻi ka lani aliʻi ke aliʻi makua lani e kamehameha e na kaua e pale me ka ihe "
    "hawaiʻi ponoʻi nana i na aliʻi na pua muli kou na pokiʻi makua lani e kamehameha e na kaua e pale me ka ihe "
    "hawaiʻi ponoʻi e ka lahui e ʻo kau hana nui e uʻi e makua lani e kamehameha e na kaua e pale me ka ihe"
)
ALPHABET = " aeiouhklmnpwʻ"


def sigmoid(x):
    return 1.0 / (1.0 + math.exp(-x))


def advance(main, extra, state, code, scores):
    """Let the model read one character: `state` is written, and `scores`, f64[b], are those of the next character."""
    width = len(code)
    for k in range(width):
        scores[k] = code[k] * extra[0, k]
    for layer in range(0, main.shape[0], 2):
        weights = main[layer]
        biases = main[layer + 1]
        hidden = state[layer]
        cell = state[layer + 1]
        for k in range(width):
            x = scores[k]
            forget = sigmoid(x * weights[k] + biases[k])
            ingate = sigmoid(hidden[k] * weights[width + k] + biases[width + k])
            outgate = sigmoid(x * weights[2 * width + k] + biases[2 * width + k])
            change = math.tanh(hidden[k] * weights[3 * width + k] + biases[3 * width + k])
            cell[k] = cell[k] * forget + ingate * change
            hidden[k] = outgate * math.tanh(cell[k])
            scores[k] = hidden[k]
    for k in range(width):
        scores[k] = scores[k] * extra[1, k] + extra[2, k]


@llad.jit_grad(argnums=(0, 1))
def loss(main, extra, state, codes):
    """Of the text whose characters are coded by the rows of `codes`: f64[c, b].

    For l layers, main: f64[2 l, 4 b] has two rows a layer, of weights and of biases, each for forget, ingate, outgate
    and change; extra: f64[3, b] scales the input and the output and shifts the output; state: f64[2 l, b] is
    where it starts, two rows a layer, hidden values and cells.
    """
    count = codes.shape[0] - 1
    width = codes.shape[1]
    now = state.copy()
    scores = np.zeros(width)
    total = 0.0
    for t in range(count):
        advance(main, extra, now, codes[t], scores)
        partition = 2.0
        for k in range(width):
            partition += math.exp(scores[k])
        log_partition = math.log(partition)
        for k in range(width):
            total += codes[t + 1, k] * (scores[k] - log_partition)
    return -total / (count * width)


@llad.jit
def predict(main, extra, state, codes):
    """The scores of the character after each of the text's, f64[c, b], and the state after the last, f64[2 l, b]."""
    now = state.copy()
    scores = np.zeros(codes.shape)
    for t in range(len(codes)):
        advance(main, extra, now, codes[t], scores[t])
    return scores, now


def encode(text: str) -> np.ndarray:
    """One row a character, 1 in the column of its letter."""
    return np.eye(len(ALPHABET))[[ALPHABET.index(letter) for letter in text]]


def initial(layers: int, width: int, seed: int = 0) -> list[np.ndarray]:
    """main, extra and state; the forget gates begin half open for 0 and less for 1."""
    random = np.random.default_rng(seed)
    extra = np.array([np.ones(width), np.ones(width), np.zeros(width)])
    return [random.normal(0.0, 1.0, (2 * layers, 4 * width)), extra, np.zeros((2 * layers, width))]


def train(main, extra, state, codes, steps, rate=0.03):
    """Follow Adam (D. Kingma and J. Ba, 2015), `main` and `extra` are written. The loss before each step."""
    from tqdm import tqdm

    means = [(np.zeros_like(p), np.zeros_like(p)) for p in (main, extra)]
    history = []
    with tqdm(range(1, steps + 1), unit="step", disable=None) as bar:
        for step in bar:
            value, gradients = loss.value_and_grad(main, extra, state, codes)
            falling = rate * 0.5 * (1.0 + math.cos(math.pi * step / steps))
            for parameter, gradient, (first, second) in zip((main, extra), gradients, means, strict=True):
                first += 0.1 * (gradient - first)
                second += 0.001 * (gradient**2 - second)
                size = np.sqrt(second / (1.0 - 0.999**step)) + 1e-8
                parameter -= falling / (1.0 - 0.9**step) * first / size
            history.append(value)
            if step % 50 == 0:
                bar.set_postfix(loss=f"{value:.4f}")
    return history


def surprise_of_frequencies(codes: np.ndarray) -> float:
    """The loss of the best model without memory: the entropy of the letters from the second on, over the width."""
    shares = codes[1:].mean(axis=0)
    shares = shares[shares > 0.0]
    return float(-(shares * np.log(shares)).sum() / codes.shape[1])


def probabilities(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def sample(main, extra, state, start: str, length: int, seed: int = 0) -> str:
    """`start`, continued with letters drawn from the model."""
    random = np.random.default_rng(seed)
    text = start
    scores, state = predict(main, extra, state, encode(start))
    for _ in range(length):
        text += random.choice(list(ALPHABET), p=probabilities(scores[-1]))
        scores, state = predict(main, extra, state, encode(text[-1]))
    return text


def picture(history: list[float], floor: float, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained", figsize=(6, 3.5))
    axes.plot(history, label="long short-term memory")
    axes.axhline(floor, color="k", linestyle=":", label="frequencies of letters")
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def main(argv: list[str] | None = None) -> tuple[list[float], float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=2, help="how many layers")
    parser.add_argument("--steps", type=int, default=2000, help="how many steps of gradient descent")
    parser.add_argument("--output", metavar="FILE", help="a picture of the learning curve")
    args = parser.parse_args(argv)

    codes = encode(TEXT)
    parameters = initial(args.layers, len(ALPHABET))
    history = train(*parameters, codes, args.steps)
    floor = surprise_of_frequencies(codes)
    print(f"loss {history[0]:.4f} → {history[-1]:.4f}; knowing the frequencies of the letters alone gives {floor:.4f}")
    scores, _ = predict(*parameters, codes)
    right = scores[:-1].argmax(axis=1) == codes[1:].argmax(axis=1)
    often = codes[1:].mean(axis=0).max()
    print(f"{right.mean():.1%} of the next letters are guessed; always guessing the commonest would be {often:.1%}")
    for k in range(20, 50, 6):
        chances = probabilities(scores[k])
        best = " ".join(f"{ALPHABET[j]!r} {chances[j]:.0%}" for j in np.argsort(-chances)[:3])
        print(f"  {TEXT[k - 20 : k + 1]!r:24} then {best:28} the text goes on {TEXT[k + 1]!r}")
    print(f"drawn from the model: {sample(*parameters, 'hawaiʻi ', 70)!r}")
    if args.output:
        picture(history, floor, args.output)
        print(f"wrote {args.output}")
    return history, float(right.mean())


if __name__ == "__main__":
    main()
