"""`redtrack review`: where a person should look first, pages to look at it, and a server to put it right."""

from redtrack.cli.review.command import review

__all__ = ["review"]
