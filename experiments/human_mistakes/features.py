"""Features of small images that need no labels, so that students are quick.

Reference:
    [Coates, Ng and Lee, An analysis of single-layer networks in unsupervised feature
    learning](https://proceedings.mlr.press/v15/coates11a.html)
"""

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.feature_extraction.image import extract_patches_2d

#: Height and width of a patch, its centres, and how many patches these are found from.
PATCH, CENTRES, PATCHES = 6, 64, 20_000
#: Pixels between two patches.
STRIDE = 2


class PatchFeatures:
    """How near patches of each quarter of an image are to typical ones.

    Args:
        images: `(images, height, width, channels)`, from which these are found.
        centres: number of typical patches.
        seed: integer.
    """

    def __init__(self, images, centres=CENTRES, seed=0):
        each = max(1, PATCHES // len(images))
        patches = np.concatenate(
            [
                extract_patches_2d(
                    image, (PATCH, PATCH), max_patches=each, random_state=i
                )
                for i, image in enumerate(images[:PATCHES])
            ]
        )
        patches = _contrast(patches.reshape(len(patches), -1))
        # Pixels of a patch resemble each other; whitening undoes that.
        self._mean = patches.mean(0)
        values, vectors = np.linalg.eigh(np.cov(patches.T))
        self._whiten = vectors / np.sqrt(values + 0.1) @ vectors.T
        self._means = MiniBatchKMeans(centres, n_init=1, random_state=seed)
        self._means.fit(self._whitened(patches))

    def _whitened(self, patches):
        return (patches - self._mean) @ self._whiten

    def __call__(self, images):
        """Features `(images, 4 * centres)`, float32."""
        return np.stack([self._of(image) for image in images]).astype("float32")

    def _of(self, image):
        windows = np.lib.stride_tricks.sliding_window_view(
            image, (PATCH, PATCH), (0, 1)
        )
        windows = windows[::STRIDE, ::STRIDE].transpose(0, 1, 3, 4, 2)
        rows, columns = windows.shape[:2]
        patches = self._whitened(_contrast(windows.reshape(rows * columns, -1)))
        distance = self._means.transform(patches)
        near = np.maximum(distance.mean(1, keepdims=True) - distance, 0)
        near = near.reshape(rows, columns, -1)
        halves = [slice(rows // 2), slice(rows // 2, None)]
        return np.concatenate([near[a, b].mean((0, 1)) for a in halves for b in halves])


def _contrast(patches):
    """Patches of the same brightness and contrast."""
    patches = patches - patches.mean(1, keepdims=True)
    return patches / np.sqrt(patches.var(1, keepdims=True) + 0.01)
