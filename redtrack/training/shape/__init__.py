"""Training of the shape basis: from a 3D model of the face and labelled photographs."""
