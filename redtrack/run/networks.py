"""Which networks a run uses: their identity is known at once, and they are loaded when the first video needs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from redtrack.inference.options import Options, Resources

if TYPE_CHECKING:
    from redtrack.inference.landmarker import Landmarker

__all__ = ["LoadedNetworks", "Networks"]


@dataclass(frozen=True)
class Networks:
    """The networks of a worker. Can be sent to another process.

    weights: a shipped network's name or a file, None for the default. threads: CPU threads of the networks, None for
    torch's own choice. sharers: how many processes share the machine's memory.
    """

    weights: str | None
    options: Options
    resources: Resources = Resources()
    threads: int | None = None
    sharers: int = 1

    def identity(self) -> dict[str, Any]:
        """Returns the names and digests that a result keeps, without loading torch.

        Raises WeightsError and UsageError for files that are not there.
        """
        from redtrack.inference.identify import identify

        return identify(self.weights, self.options)

    def load(self) -> Landmarker:
        """Returns the networks on their device; raises WeightsError and DeviceError."""
        from redtrack.inference.landmarker import Landmarker

        if self.threads is not None:
            import torch

            torch.set_num_threads(self.threads)
        use = self.resources
        return Landmarker(self.weights, use.device, self.options, True, use.precision, use.decode)

    def on(self, device: str, threads: int | None = None, sharers: int = 1) -> Networks:
        """Returns the same networks for one of several workers, with this device and so many CPU threads."""
        return replace(self, resources=replace(self.resources, device=device), threads=threads, sharers=sharers)


@dataclass(frozen=True)
class LoadedNetworks(Networks):
    """Networks that are there already, for runs in this process."""

    models: Landmarker | None = None

    @classmethod
    def of(cls, models: Landmarker, options: Options, batch: int | None = None) -> LoadedNetworks:
        """Returns networks for a run with these options; batch: crops in one call, None for what the device takes."""
        return cls(None, options, Resources(batch=batch), models=models)

    def identity(self) -> dict[str, Any]:
        """Returns what the networks say of themselves."""
        return dict(self.load().about)

    def load(self) -> Landmarker:
        """Returns the networks."""
        assert self.models is not None, "no networks were given"
        return self.models
