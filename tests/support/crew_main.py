"""`redtrack` with the networks of `crew_world`, which other processes find by their name."""

import crew_world

from redtrack.cli import main
from redtrack.inference import landmarker as models

if __name__ == "__main__":
    models.load_models = crew_world.load
    main()
