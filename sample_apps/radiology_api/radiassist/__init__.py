"""RadiAssist: a first look at a chest X-ray, so that the urgent ones are read first."""
