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


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_usage_names_every_option(path: Path) -> None:
    text = path.read_text()
    usage = re.findall(rf"^    python examples/{path.name} (.*)$", text, re.MULTILINE)
    options = re.findall(r'add_argument\("(--\w+)".*, help="', text)
    assert [re.findall(r"--\w+", line) for line in usage] == [options]
    assert text.count("add_argument") == len(options) > 0


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


@pytest.mark.packages
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


@pytest.mark.packages
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


@pytest.mark.packages
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


@pytest.mark.usefixtures("quick_code")
@pytest.mark.parametrize("size", [(8, 3, 2), (1, 1, 1), (5, 2, 4)])
def test_gaussian_mixture_gradient(size: tuple[int, int, int]) -> None:
    check_gradient(by_everything(example("gaussian_mixture").log_posterior), *mixture(*size))


@pytest.mark.packages
def test_gaussian_mixture_finds_the_species(tmp_path: Path) -> None:
    for package in ("sklearn", "scipy", "matplotlib"):
        pytest.importorskip(package)
    file = tmp_path / "irises.png"
    value, share = example("gaussian_mixture").main(["--starts", "3", "--output", str(file)])
    assert value > -353.0
    assert share > 0.95
    assert is_picture(file)


# -- n bodies


def bodies(n: int = 4) -> tuple[Any, ...]:
    random = np.random.default_rng(5)
    return random.normal(size=(n, 3)), random.uniform(0.5, 2.0, n), 1.3, 0.1


def forces(r: Any, m: Any, gravity: float, softening: float) -> tuple[float, Any]:
    """The potential energy and minus its gradient, by arrays of all pairs."""
    apart = r[:, None, :] - r[None, :, :]
    distance = np.sqrt((apart**2).sum(axis=2) + softening**2)
    np.fill_diagonal(distance, np.inf)
    pull = gravity * m[:, None] * m[None, :] / distance
    return float(-0.5 * pull.sum()), -((pull / distance**2)[:, :, None] * apart).sum(axis=1)


def test_n_body_forces() -> None:
    model = example("n_body")
    args = bodies()
    check_gradient(by_everything(model.potential_energy), *args)
    energy, force = forces(*args)
    assert_close(model.potential_energy.value_and_grad(*args), (energy, -force), rtol=1e-12)
    assert_close(force.sum(axis=0), np.zeros(3), atol=1e-13)


def test_n_body_paths_in_arrays() -> None:
    model = example("n_body")
    r, m, gravity, softening = bodies()
    v = np.random.default_rng(6).normal(size=r.shape)
    start = r.copy(), v.copy()
    rs, vs = model.leapfrog(r, v, m, gravity, softening, 0.01, 20)
    crude, _ = model.euler(r, v, m, gravity, softening, 0.01, 1)
    assert_close((r, v), start)  # they are left alone
    assert_close(crude[1], r + 0.01 * v, rtol=1e-14)
    for step in range(20):
        assert_close((rs[step], vs[step]), (r, v), rtol=1e-10, atol=1e-12)
        v = v + 0.005 * forces(r, m, gravity, softening)[1] / m[:, None]
        r = r + 0.01 * v
        v = v + 0.005 * forces(r, m, gravity, softening)[1] / m[:, None]


@pytest.mark.packages
def test_n_body_leapfrog_keeps_what_should_be_kept(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = example("n_body")
    file = tmp_path / "eight.png"
    rs, error, miss = model.main(["--periods", "2", "--steps", "2000", "--output", str(file)])
    assert error < 1e-5
    assert miss < 1e-4
    assert_close(rs.sum(axis=1), np.zeros((4001, 3)), atol=1e-12)  # the centre of mass
    coarse = model.main(["--periods", "2", "--steps", "1000"])[1]
    assert_close(coarse / error, 4.0, rtol=0.01)  # of second order
    assert is_picture(file)


def test_n_body_goes_back_in_time() -> None:
    model = example("n_body")
    r, m, gravity, softening = bodies()
    v = np.zeros_like(r)
    rs, vs = model.leapfrog(r, v, m, gravity, softening, 0.01, 100)
    back, _ = model.leapfrog(rs[-1], -vs[-1], m, gravity, softening, 0.01, 100)
    assert_close(back[-1], r, rtol=1e-9, atol=1e-9)


# -- adaptive quadrature


def simpson(f: Any, a: float, b: float, tolerance: float) -> tuple[float, int]:
    """Adaptive Simpson with a stack in place of the recursion: the integral and the number of points."""

    def rule(a: float, b: float) -> float:
        return (b - a) / 6.0 * float(np.dot(f(np.array([a, 0.5 * (a + b), b])), (1.0, 4.0, 1.0)))

    total, count, stack = 0.0, 3, [(a, b, tolerance)]
    while stack:
        a, b, tolerance = stack.pop()
        m = 0.5 * (a + b)
        halves = rule(a, m) + rule(m, b)
        error = (halves - rule(a, b)) / 15.0
        count += 2
        if abs(error) < tolerance:
            total += halves + error
        else:
            stack += [(a, m, 0.5 * tolerance), (m, b, 0.5 * tolerance)]
    return total, count


@pytest.mark.parametrize(("centre", "width", "tolerance"), [(0.3, 0.1, 1e-11), (0.7, 0.06, 1e-12), (-0.2, 1.0, 1.0)])
def test_adaptive_quadrature_of_a_peak(centre: float, width: float, tolerance: float) -> None:
    model = example("adaptive_quadrature")
    area = llad.jit_grad(lambda p, q: model.integrate(model.peak, 0.0, 1.0, p, q, tolerance)[0])
    check_gradient(area, centre, width)
    assert_close(area.grad(centre, width), model.peak_area.grad(centre, width, tolerance), rtol=1e-13)
    value, count = simpson(lambda x: 1.0 / ((x - centre) ** 2 + width**2), 0.0, 1.0, tolerance)
    assert_close(model.peak_area(centre, width, tolerance), value, rtol=1e-12)
    assert model.peak_count(centre, width, tolerance) == count


def test_adaptive_quadrature_in_closed_form() -> None:
    model = example("adaptive_quadrature")
    value, gradient = model.peak_area.value_and_grad(0.3, 0.01, 1e-10)
    assert_close((value, *gradient), model.peak_area_in_closed_form(0.3, 0.01), rtol=1e-11)


@pytest.mark.parametrize("k", [0.1, 0.5, 0.9])
def test_adaptive_quadrature_of_a_pendulum(k: float) -> None:
    model = example("adaptive_quadrature")
    check_gradient(llad.jit_grad(lambda k: model.period(k, 1e-12)), k)
    a, b, squares, power = 1.0, math.sqrt(1.0 - k * k), k * k, 1.0  # Gauss's mean gives both elliptic integrals
    while abs(a - b) > 1e-15:
        a, b, c = 0.5 * (a + b), math.sqrt(a * b), 0.5 * (a - b)
        squares += 2.0 * power * c * c
        power *= 2.0
    first = 0.5 * math.pi / a
    second = first * (1.0 - 0.5 * squares)
    slope = second / (k * (1.0 - k * k)) - first / k
    assert_close(model.period.value_and_grad(k, 1e-12), (4.0 * first, 4.0 * slope), rtol=1e-10)


@pytest.mark.packages
def test_adaptive_quadrature_finds_the_swing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = example("adaptive_quadrature")
    file = tmp_path / "errors.png"
    k = model.main(["--width", "0.05", "--output", str(file)])[3]
    assert_close(model.period(k, 1e-12), 2.002 * math.pi, rtol=1e-10)
    assert is_picture(file)


# -- Newton's fractal


def test_newton_fractal_in_complex_numbers(tmp_path: Path) -> None:
    model = example("newton_fractal")
    roots, counts = model.main(["--size", "40", "--a", "1.2"])
    side = np.linspace(-1.5, 1.5, 40)
    z = side[None, :] + 1j * side[:, None]
    steps = np.zeros(z.shape)
    moving = np.ones(z.shape, bool)
    while moving.any() and steps.max() < 100:
        step = np.where(moving, (z**3 - 1.2) / (3.0 * z**2), 0.0)
        z -= step
        steps += moving
        moving &= np.abs(step) > 1e-12
    assert_close(roots, np.round(1.5 * np.angle(z) / np.pi) % 3)
    assert np.mean(counts == steps) > 0.99  # a step may be tiny by a rounding more or less
    assert set(roots.ravel()) == {0, 1, 2}


@pytest.mark.parametrize("point", [(1.3, 0.4), (-0.2, 0.9), (0.7, -1.1)])
def test_newton_fractal_derivatives(point: tuple[float, float]) -> None:
    model = example("newton_fractal")
    _, (by_x, by_y) = llad.jvp(model.polynomial, (*point, 1.5), (1.0, 0.0, 0.0))
    slope = 3.0 * complex(*point) ** 2
    assert_close((by_x, by_y), (slope.real, slope.imag), rtol=1e-13)
    for limit in (1, 3):
        check_gradient(model.root, *point, 1.5, limit)
    x, y, _ = model.newton(*point, 1.5, 100)
    expected = (0.0, 0.0, (1.0 / (3.0 * complex(x, y) ** 2)).real)
    assert_close(model.root.grad(*point, 1.5, 100), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.packages
def test_newton_fractal_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    example("newton_fractal").main(["--size", "30", "--output", str(tmp_path / "basins.png")])
    assert is_picture(tmp_path / "basins.png")


# -- bundle adjustment


def seen_by(camera: Any, point: Any) -> Any:
    """The projection with a rotation matrix from the series of its exponential."""
    a, b, c = camera[:3]
    cross = np.array([[0.0, -c, b], [c, 0.0, -a], [-b, a, 0.0]])
    turn = term = np.eye(3)
    for k in range(1, 25):
        term = term @ cross / k
        turn = turn + term
    q = turn @ (point - camera[3:6])
    p = q[:2] / q[2]
    square = p @ p
    return camera[6] * (1.0 + camera[9] * square + camera[10] * square**2) * p + camera[7:9]


def test_bundle_adjustment_residuals_and_blocks() -> None:
    model = example("bundle_adjustment")
    cameras, points, pairs, features = model.scene(3, 4)
    weights = np.random.default_rng(7).uniform(0.5, 1.5, len(pairs))
    errors, regular = model.residuals(cameras, points, weights, pairs, features)
    blocks, by_weight = model.jacobian(cameras, points, weights, pairs, features)
    assert_close((regular, by_weight), (1.0 - weights**2, -2.0 * weights), rtol=1e-14)
    for n, (i, j) in enumerate(pairs):
        at = np.concatenate([cameras[i], points[j], weights[n : n + 1]])

        def residual(x: Any, feature: Any = features[n]) -> Any:
            return x[14] * (seen_by(x[:11], x[11:14]) - feature)

        assert_close(errors[n], residual(at), rtol=1e-9, atol=1e-9)
        for k, h in enumerate(1e-5 * np.eye(15)):  # the first camera is at the branch of small angles
            difference = (residual(at + h) - residual(at - h)) / 2e-5
            assert_close(blocks[n, :, k], difference, rtol=1e-6, atol=1e-5)


@pytest.mark.packages
def test_bundle_adjustment_reaches_the_noise(tmp_path: Path) -> None:
    for package in ("scipy", "matplotlib"):
        pytest.importorskip(package)
    file = tmp_path / "points.png"
    history = example("bundle_adjustment").main(["--cameras", "4", "--points", "20", "--output", str(file)])
    assert history[0] > 5.0
    assert history[-1] < 0.2
    assert is_picture(file)


# -- long short-term memory


def memory(layers: int, width: int = 3, count: int = 6) -> tuple[Any, ...]:
    random = np.random.default_rng(8)
    sizes = ((2 * layers, 4 * width), (3, width), (2 * layers, width))
    return (*(random.normal(size=size) for size in sizes), random.uniform(size=(count, width)))


def scores_of(main: Any, extra: Any, state: Any, codes: Any) -> tuple[Any, Any]:
    """The scores after each character and the last state, layer by layer in arrays."""

    def logistic(x: Any) -> Any:
        return 0.5 * (1.0 + np.tanh(0.5 * x))

    state = state.reshape(-1, 2, codes.shape[1])
    scores = []
    for code in codes:
        x, after = code * extra[0], []
        for (w, b), (h, c) in zip(main.reshape(-1, 2, 4, codes.shape[1]), state, strict=True):
            c = c * logistic(x * w[0] + b[0]) + logistic(h * w[1] + b[1]) * np.tanh(h * w[3] + b[3])
            x = logistic(x * w[2] + b[2]) * np.tanh(c)
            after.append((x, c))
        state = np.array(after)
        scores.append(x * extra[1] + extra[2])
    return np.array(scores), state.reshape(-1, codes.shape[1])


def loss_of(main: Any, extra: Any, state: Any, codes: Any) -> float:
    scores, _ = scores_of(main, extra, state, codes[:-1])
    log_partition = np.log(2.0 + np.exp(scores).sum(axis=1, keepdims=True))
    return float(-np.mean(codes[1:] * (scores - log_partition)))


@pytest.mark.parametrize("layers", [1, 3])
def test_lstm_in_arrays(layers: int) -> None:
    model = example("lstm")
    args = memory(layers)
    assert_close(model.loss(*args), loss_of(*args), rtol=1e-12)
    assert_close(model.predict(*args), scores_of(*args), rtol=1e-11, atol=1e-12)
    check_gradient(by_everything(model.loss), *args)


def test_lstm_gradient_against_differences_of_arrays() -> None:
    args = memory(2)
    gradients = example("lstm").loss.grad(*args)
    for place, gradient in enumerate(gradients):
        for k in np.ndindex(gradient.shape):
            ends = []
            for h in (1e-5, -1e-5):
                moved = [array.copy() for array in args]
                moved[place][k] += h
                ends.append(loss_of(*moved))
            assert_close(gradient[k], (ends[0] - ends[1]) / 2e-5, rtol=1e-6, atol=1e-9)


@pytest.mark.packages
def test_lstm_learns_more_than_frequencies(tmp_path: Path) -> None:
    for package in ("tqdm", "matplotlib"):
        pytest.importorskip(package)
    model = example("lstm")
    history, right = model.main(["--steps", "900", "--output", str(tmp_path / "learning.png")])
    floor = model.surprise_of_frequencies(model.encode(model.TEXT))
    assert history[-1] < 0.93 * floor and history[0] > floor
    assert right > 0.26  # always guessing the space is right in 23 of 100
    assert is_picture(tmp_path / "learning.png")


def test_lstm_reads_and_writes_its_alphabet() -> None:
    model = example("lstm")
    codes = model.encode(model.TEXT)
    assert "".join(model.ALPHABET[k] for k in codes.argmax(axis=1)) == model.TEXT
    assert set(model.TEXT) == set(model.ALPHABET)
    parameters = model.initial(1, len(model.ALPHABET))
    drawn = model.sample(*parameters, "e ", 30)
    assert drawn.startswith("e ") and len(drawn) == 32 and set(drawn) <= set(model.ALPHABET)
    assert_close(parameters[2], np.zeros((2, 14)))  # the state that it starts from is left alone


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
        (["examples/rosenbrock.py:quartic", "--args", "np.zeros(2, np.float16)"], 1, "argument"),
    ],
)
def test_show_says_what_is_wrong(arguments: list[str], status: int, said: str) -> None:
    done = command("show", *arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
