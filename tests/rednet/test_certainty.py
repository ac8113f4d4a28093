"""The covariance of each point: valid, calibrated by one factor, and turned into a probability."""

import torch

from redtrack.rednet import maps
from redtrack.rednet.certainty import Certainty, covariance, negative_log_likelihood, surprise
from redtrack.rednet.config import RedNetConfig
from redtrack.rednet.model import RedNet
from redtrack.rednet.predict import predict_windows


def drawn(sigma: torch.Tensor, n: int) -> torch.Tensor:
    """n errors (n, 2) of a covariance xx, xy, yy."""
    xx, xy, yy = sigma.tolist()
    lower = torch.linalg.cholesky(torch.tensor([[xx, xy], [xy, yy]]))
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(0)) @ lower.T


def test_any_three_numbers_make_a_covariance():
    """Whatever the head says, the matrix is positive definite."""
    xx, xy, yy = covariance(torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * 30).unbind(-1)
    assert (xx > 0).all() and (yy > 0).all() and (xx.double() * yy > xy.double().square()).all()


def test_surprise_is_the_mahalanobis_length():
    """Two degrees of freedom: its mean is 2, and 90 % of errors are below 4.605."""
    sigma = torch.tensor([2.0, 1.2, 1.0])
    lengths = surprise(drawn(sigma, 50_000), sigma)
    assert abs(float(lengths.mean()) - 2) < 0.05 and abs(float((lengths < 4.605).float().mean()) - 0.9) < 0.01


def test_the_right_covariance_is_the_likeliest():
    """Errors are less likely under a covariance that is too small or too large."""
    sigma = torch.tensor([2.0, 0.5, 1.0])
    errors = drawn(sigma, 20_000)
    right, small, large = (float(negative_log_likelihood(errors, sigma * k, 1e6).mean()) for k in (1, 0.4, 2.5))
    assert right < small and right < large


def test_spread_is_that_of_the_map():
    """A Gaussian map has its own covariance."""
    rows = torch.arange(32.0)
    logits = -((rows - 14) ** 2 / 8)[None, :] - ((rows - 17) ** 2 / 18)[:, None]
    xx, xy, yy = maps.read(logits[None, None]).spread[0, 0]
    assert abs(float(xx) - 4) < 0.1 and abs(float(yy) - 9) < 0.2 and abs(float(xy)) < 0.01


@torch.inference_mode()
def test_the_head_moves_no_point_and_fills_sigma():
    """With the head a window's points are what they were; sigma is there, in square crop pixels."""
    torch.manual_seed(0)
    net = RedNet(RedNetConfig(temporal=True, certainty=True)).eval()
    crops = torch.rand(1, 4, 3, 128, 128)
    found = predict_windows(net, crops, torch.tensor([4]), temporal=False)
    assert found.sigma.shape == (1, 4, 68, 3) and (found.sigma[..., 0] > 0).all()
    net.certainty.factor.fill_(4.0)
    again = predict_windows(net, crops, torch.tensor([4]), temporal=False)
    assert (again.points == found.points).all()
    assert torch.allclose(torch.from_numpy(again.sigma), 4 * torch.from_numpy(found.sigma), rtol=1e-4)


def test_nothing_is_learnt_through_the_head():
    """Its loss has no gradient in the maps, the features or the bottleneck."""
    head = Certainty(8, 4)
    logits, features, e = (torch.randn(s, requires_grad=True) for s in ((2, 68, 32, 32), (2, 8, 32, 32), (2, 4, 8, 8)))
    head(logits, maps.read(logits), features, e).sum().backward()
    assert logits.grad is None and features.grad is None and e.grad is None
    assert all(p.grad is not None for p in head.parameters())
