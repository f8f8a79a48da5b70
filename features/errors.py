"""What goes wrong with features, said in a sentence."""


class FeatureError(ValueError):
    """A feature cannot be computed as declared, or a week is not there; the message says what to change."""
