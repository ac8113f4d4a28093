"""`redtrack` with the networks of `deadly_world`, which other processes find by their name."""

import deadly_world

from redtrack.cli import main
from redtrack.run import networks

if __name__ == "__main__":
    networks.Networks = deadly_world.DeadlyNetworks  # type: ignore[misc]
    main()
