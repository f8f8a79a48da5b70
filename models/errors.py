"""What goes wrong when models are trained, kept or used, each said in a sentence."""


class ModelError(ValueError):
    """A model cannot be trained, loaded or used; the message says why and what to do."""
