"""Looking at tracks: where they are in doubt, a page that plays them on their video, and a server that mends them."""

from redtrack.review.sheet import review_sheet, source_of
from redtrack.review.spans import SHARE, Gap, Span, find_gaps, find_spans

__all__ = ["SHARE", "Gap", "Span", "find_gaps", "find_spans", "review_sheet", "source_of"]
