"""Faces in videos: the detector, its network, and the following of faces from frame to frame."""
