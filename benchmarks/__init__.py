"""Measure what the README claims: `make bench` for all benchmarks, `python -m benchmarks NAME` for one.

    build      a fully cached `Machine.build` against the same `docker buildx build` without LayerLab, side by side
    code       each app after an edit of the code: the good variant against a fully cached build of it and against the slow one
    dependency what each app's good variant downloads for one new dependency
    sizes      the image of a multi-stage variant beside that of a single-stage one
    notebooks  how much of the notebooks' time isn't spent in builds; runs all of them
    machines   how long it takes to start a new machine and to reset one
    traces     reading the progress of a very long build
    contexts   taking a snapshot of a very large context
    in_place   `layerlab build`, the bare command and whycache (if it's installed) on six kinds of project; up to an hour

Two things that are compared take turns, and the figure is the median of the pairs' ratios: anything else the computer does
slows both. The benchmarks use machines of their own, called "bench…", and remove them at the end.
"""
