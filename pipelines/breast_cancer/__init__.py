"""A table: scikit-learn's breast cancer data, part of the training labels wrong."""
