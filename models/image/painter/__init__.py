"""The backdrop painter: art-directed backgrounds from a palette, by numpy and OpenCV alone."""
