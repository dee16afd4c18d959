"""Images: scikit-learn's digits, part of the training labels wrong."""
