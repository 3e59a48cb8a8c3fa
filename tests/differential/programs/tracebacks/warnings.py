import warnings

warnings.warn("from main")
warnings.warn("deprecated", DeprecationWarning)


def old():
    warnings.warn("by the caller", FutureWarning, stacklevel=2)


old()
old()
