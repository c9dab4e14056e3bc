"""What the README claims, measured: `make bench`, or `python -m benchmarks NAME` for one of them.

    build      a fully cached `Machine.build` against the same `docker buildx build` without LayerLab, side by side
    code       each app after an edit of the code: the good variant against a fully cached build of it, and the slow one
    dependency what each app's good variant downloads for one more dependency
    sizes      the image of a multi-stage variant beside that of a single-stage one
    notebooks  how much of the notebooks' time is not spent in builds; runs them all
    machines   how long a new machine and a reset one take
    traces     reading the progress of a very long build

Where two things are compared they take turns, and the figure is the median of the pairs' ratios: what else the computer
does meanwhile slows both. Machines of the benchmarks' own are used, called "bench…"; they are removed at the end.
"""
