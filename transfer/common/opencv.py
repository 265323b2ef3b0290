"""OpenCV, limited to one thread."""

import cv2

# Images are already processed in several threads; OpenCV's own threads would compete with them and with TensorFlow's.
cv2.setNumThreads(1)

__all__ = ["cv2"]
