"""Training of dense features: photographs and their turned views, on which the same place of a face is known."""
