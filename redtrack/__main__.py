"""`python -m redtrack` is `redtrack`."""

from redtrack.cli import main

if __name__ == "__main__":
    main()
