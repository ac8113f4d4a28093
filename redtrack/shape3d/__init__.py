"""The face in three dimensions: a basis of shapes, its fit to tracked points, pose of the head, visibility.

DFF (deep face feature) keeps "landmarks, pose and 3D shape" beside each other; this part is its pose and shape. The
conventions of axes, signs and units are on one page, docs/pose.md.
"""
