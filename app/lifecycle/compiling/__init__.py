"""From a fitted estimator to data that a faster engine answers from."""
