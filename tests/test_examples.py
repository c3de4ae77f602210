"""The examples: each objective's gradient against differences and closed forms, each program run as a user would.

An example whose extra package is not installed is skipped by that package's name.
"""

from __future__ import annotations

import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close, check_gradient, directional_difference

ROOT = Path(__file__).parents[1]


def example(name: str) -> ModuleType:
    """examples/NAME.py as a module."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def by_everything(function: Any) -> Any:
    """The function differentiated by all its float arguments, whatever its `argnums` are."""
    return llad.jit_grad(function.py_func)


def is_picture(file: Path) -> bool:
    return file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


# -- five wells


FIVE_WELLS = (
    (4.932290, -10.000516, -1.154233847),
    (-9.982935, -0.001087, -0.599230098),
    (-4.701681, -9.998800, -0.379582382),
    (9.896986, -0.001670, -0.156843227),
    (0.000058, 9.997443, -0.032100488),
)


@pytest.mark.parametrize("point", [(0.3, 9.0), (-7.0, 1.0), (12.0, -3.0), (0.5, -0.5)])
def test_five_wells_gradient(point: tuple[float, float]) -> None:
    check_gradient(example("five_wells").five_wells, *point)


def test_five_wells_are_found() -> None:
    wells = example("five_wells")
    found = [(x, y, wells.five_wells(x, y)) for x, y in wells.bottoms()]
    assert_close(np.array(found), np.array(FIVE_WELLS), rtol=1e-6, atol=2e-6)


def test_five_wells_basins_agree_with_plain_python(tmp_path: Path) -> None:
    wells = example("five_wells")
    bottoms, image = wells.main(["--size", "12"])
    side = np.linspace(-15.0, 15.0, 12)
    for row, column in ((0, 0), (2, 9), (6, 1), (6, 11), (11, 5)):
        x, y = wells.settle(side[column], side[row], 500)  # llad.value_and_grad outside traced code
        nearest = np.hypot(*(bottoms - (x, y)).T).argmin()
        assert image[row, column] == nearest
    assert set(image.ravel()) == {0, 1, 2, 3, 4}


# -- Rosenbrock, Newton


@pytest.mark.parametrize("size", [2, 3, 10])
def test_rosenbrock_gradient(size: int) -> None:
    rosenbrock = example("rosenbrock").rosenbrock
    check_gradient(rosenbrock, np.random.default_rng(size).uniform(-1.5, 1.5, size))
    assert rosenbrock(np.ones(size)) == 0.0
    assert_close(rosenbrock.grad(np.ones(size)), np.zeros(size))


def test_rosenbrock_gradient_in_closed_form() -> None:
    gradient = example("rosenbrock").rosenbrock.grad(np.array([-1.2, 1.0]))
    assert_close(gradient, np.array([-400 * -1.2 * (1.0 - 1.44) - 2 * 2.2, 200 * (1.0 - 1.44)]), rtol=1e-14)


def test_rosenbrock_descends_and_newton_converges() -> None:
    end, roots = example("rosenbrock").main([])
    assert_close(end, np.ones(2), rtol=1e-8)
    assert_close(roots, [1.0, -1.0, 0.0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("x", [0.3, -1.1, 2.0])
def test_newton_step_in_closed_form(x: float) -> None:
    assert_close(example("rosenbrock").newton(x, 1), x - (4 * x**3 - 4 * x) / (12 * x**2 - 4), rtol=1e-13)


# -- Goldstein and Price


def test_goldstein_price_at_the_known_point() -> None:
    value, gradient = example("goldstein_price").goldstein_price.value_and_grad(2.5, 3.5)
    assert_close(value, 1.260939725e7, rtol=1e-12)
    assert_close(gradient, (-5.324409e6, 3.3109701e7), rtol=1e-12)


@pytest.mark.parametrize("point", [(0.1, -0.8), (1.5, 0.4), (-0.7, 1.3)])
def test_goldstein_price_gradient(point: tuple[float, float]) -> None:
    check_gradient(example("goldstein_price").goldstein_price, *point)


def test_goldstein_price_finds_its_minimum() -> None:
    x, y, value = example("goldstein_price").main(["--starts", "4"])[0]
    assert_close((x, y, value), (0.0, -1.0, 3.0), rtol=1e-6, atol=1e-6)


# -- linear regression


def test_linear_regression_gradient() -> None:
    regression = example("linear_regression")
    x, y = regression.measurements(20)
    check_gradient(by_everything(regression.squared_error), 1.5, -0.5, x, y)
    residual = 1.5 * x - 0.5 - y
    expected = (2 * np.mean(residual * x), 2 * np.mean(residual))
    assert_close(regression.squared_error.grad(1.5, -0.5, x, y), expected, rtol=1e-12)


def test_linear_regression_finds_the_line_of_the_normal_equations(tmp_path: Path) -> None:
    regression = example("linear_regression")
    assert_close(regression.main([]), regression.closed_form(*regression.measurements(1_000)), rtol=1e-10)
    pytest.importorskip("matplotlib")
    regression.main(["--points", "50", "--output", str(tmp_path / "line.png")])
    assert is_picture(tmp_path / "line.png")


# -- digits


def small_perceptron() -> tuple[Any, ...]:
    random = np.random.default_rng(3)
    weights = [w.copy() for w in example("digits").initial(4, inputs=5, outputs=3)]
    images = random.uniform(-1.0, 1.0, (7, 5))
    return (*weights, images, np.array([0, 2, 1, 1, 0, 2, 2]), np.array([3, 0, 6, 3]), 0.01)


def test_digits_gradient_against_differences() -> None:
    check_gradient(by_everything(example("digits").loss), *small_perceptron())


def test_digits_gradient_in_closed_form() -> None:
    w1, b1, w2, b2, images, labels, batch, decay = args = small_perceptron()
    x, t = images[batch], labels[batch]
    hidden = np.tanh(x @ w1.T + b1)
    scores = np.exp(hidden @ w2.T + b2)
    errors = scores / scores.sum(axis=1, keepdims=True)
    errors[np.arange(len(t)), t] -= 1.0
    errors /= len(t)
    back = (errors @ w2) * (1.0 - hidden**2)
    expected = (back.T @ x + decay * w1, back.sum(0), errors.T @ hidden + decay * w2, errors.sum(0))
    assert_close(example("digits").loss.grad(*args), expected, rtol=1e-10, atol=1e-14)


def test_digits_are_learnt(tmp_path: Path) -> None:
    for package in ("sklearn", "tqdm", "matplotlib"):
        pytest.importorskip(package)
    accuracy = example("digits").main(["--output", str(tmp_path / "learning.png")])
    assert accuracy >= 0.95
    assert is_picture(tmp_path / "learning.png")


# -- predator and prey


def test_predator_prey_gradient() -> None:
    model = example("predator_prey")
    check_gradient(by_everything(model.misfit), np.log(model.GUESS), model.HARE[:6], model.LYNX[:6], 5)


def test_predator_prey_whole_gradient_against_differences() -> None:
    model = example("predator_prey")
    at = np.log(model.GUESS)
    gradient = model.misfit.grad(at, model.HARE, model.LYNX, 20)
    for k, direction in enumerate(np.eye(6)):
        difference, _ = directional_difference(
            lambda p: model.misfit(p, model.HARE, model.LYNX, 20), (at,), direction
        )
        assert_close(gradient[k], difference[0], rtol=1e-7)


def test_predator_prey_keeps_the_constant_of_motion() -> None:
    model = example("predator_prey")
    path = model.populations(model.GUESS, 10, 50)
    u, v = path.T
    alpha, beta, gamma, delta = model.GUESS[:4]
    energy = delta * u - gamma * np.log(u) + beta * v - alpha * np.log(v)
    assert path.shape == (501, 2)
    assert np.ptp(energy) < 1e-6


def test_predator_prey_fits_the_counts(tmp_path: Path) -> None:
    for package in ("scipy", "matplotlib"):
        pytest.importorskip(package)
    model = example("predator_prey")
    parameters, misfit = model.main(["--output", str(tmp_path / "curves.png")])
    assert_close(parameters[:4], np.array([0.55, 0.028, 0.80, 0.024]), rtol=0.05)  # Carpenter's posterior means
    assert misfit < 2.02
    at_best = model.misfit.grad(np.log(parameters), model.HARE, model.LYNX, 50)
    assert np.abs(at_best).max() < 1e-4
    assert is_picture(tmp_path / "curves.png")


# -- Gaussian mixture


def mixture(n: int = 8, d: int = 3, k: int = 2) -> tuple[Any, ...]:
    random = np.random.default_rng(4)
    sizes = ((k,), (k, d), (k, d * (d + 1) // 2), (n, d))
    return (*(random.normal(size=size) for size in sizes), 0.7, 2)


def adbench_terms(alphas: Any, means: Any, icf: Any, x: Any, gamma: float, m: int) -> tuple[float, float]:
    """ADBench's data term and its Wishart term (which it adds), with matrices."""
    n, d = x.shape
    scores = np.zeros((n, len(alphas)))
    frobenius = log_det = 0.0
    for k in range(len(alphas)):
        q = np.diag(np.exp(icf[k, :d]))
        q.T[np.triu_indices(d, 1)] = icf[k, d:]  # below the diagonal, column by column
        scores[:, k] = alphas[k] + icf[k, :d].sum() - 0.5 * (((x - means[k]) @ q.T) ** 2).sum(axis=1)
        frobenius += (q**2).sum()
        log_det += icf[k, :d].sum()
    data = np.log(np.exp(scores).sum(axis=1)).sum() - n * np.log(np.exp(alphas).sum())
    degrees = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    log_gamma += sum(math.lgamma(0.5 * degrees + 0.5 * (1 - j)) for j in range(1, d + 1))
    normaliser = degrees * d * (math.log(gamma) - 0.5 * math.log(2)) - log_gamma
    wishart = 0.5 * gamma**2 * frobenius - m * log_det - len(alphas) * normaliser
    return float(data - 0.5 * n * d * math.log(2 * math.pi)), float(wishart)


def test_gaussian_mixture_terms_are_adbench_s() -> None:
    model = example("gaussian_mixture")
    args = mixture()
    data, wishart = adbench_terms(*args)
    assert_close(llad.jit(model.log_likelihood)(*args[:4]), data, rtol=1e-12)
    assert_close(llad.jit(model.wishart_penalty)(args[2], 3, 0.7, 2), wishart, rtol=1e-12)
    assert_close(model.log_posterior(*args), data - wishart, rtol=1e-12)


@pytest.mark.parametrize("size", [(8, 3, 2), (1, 1, 1), (5, 2, 4)])
def test_gaussian_mixture_gradient(size: tuple[int, int, int]) -> None:
    check_gradient(by_everything(example("gaussian_mixture").log_posterior), *mixture(*size))


def test_gaussian_mixture_finds_the_species(tmp_path: Path) -> None:
    for package in ("sklearn", "scipy", "matplotlib"):
        pytest.importorskip(package)
    file = tmp_path / "irises.png"
    value, share = example("gaussian_mixture").main(["--starts", "3", "--output", str(file)])
    assert value > -353.0
    assert share > 0.95
    assert is_picture(file)


# -- the command line


def command(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "llad", *args]
    return subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT, **options)


def test_demo(tmp_path: Path) -> None:
    done = command("demo", "--output", str(tmp_path / "wells.png"))
    assert done.returncode == 0, done.stderr
    for part in ("def f(x", "the IR of its gradient", "LLVM instructions", "-0.944444444444", "0.694444444444"):
        assert part in done.stdout
    deepest = re.findall(r"potential (\S+) after", done.stdout)
    assert_close(min(map(float, deepest)), -1.154234, rtol=1e-6)
    if importlib.util.find_spec("matplotlib"):
        assert is_picture(tmp_path / "wells.png")
    else:
        assert "matplotlib is not installed" in done.stdout


def test_demo_goes_on_without_matplotlib(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('none here')")
    path = f"{tmp_path}:{ROOT}"
    run = [sys.executable, "-c", "from llad.__main__ import main; raise SystemExit(main(['demo']))"]
    environment = {"PYTHONPATH": path, "PATH": ""}
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "matplotlib is not installed" in done.stdout


PLAIN = '''
import math

SCALE = 3.0


def plain(x, y):
    """An ordinary function without a decorator."""
    return SCALE * math.sin(x) * y[0]
'''


@pytest.mark.parametrize("of", ["primal", "gradient", "tangent"])
@pytest.mark.parametrize("stage", ["ir", "llvm", "asm"])
def test_show_prints_every_stage(stage: str, of: str, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    target = f"{tmp_path / 'plain.py'}:plain"
    done = command("show", target, "--args", "SCALE, np.ones(2)", "--stage", stage, "--of", of)
    assert done.returncode == 0, done.stderr
    expected = {"ir": r"\bsin\b|\bcos\b", "llvm": r"define ", "asm": r"\bret"}[stage]
    assert re.search(expected, done.stdout), done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere.py:f"], 2, "no file nowhere.py"),
        (["examples/rosenbrock.py"], 2, "want FILE.py:FUNCTION"),
        (["examples/rosenbrock.py:nothing"], 2, "has no nothing"),
        (["examples/rosenbrock.py:np"], 2, "is not a function"),
        (["examples/rosenbrock.py:quartic", "--args", "1 +"], 2, "SyntaxError"),
        (["examples/rosenbrock.py:quartic", "--args", "np.zeros(2, complex)"], 1, "argument"),
    ],
)
def test_show_says_what_is_wrong(arguments: list[str], status: int, said: str) -> None:
    done = command("show", *arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
