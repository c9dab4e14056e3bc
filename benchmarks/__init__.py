"""What the README claims, measured: `make bench`, or `python -m benchmarks NAME` for one of them.

    build      a fully cached `Machine.build` against the same `docker buildx build` without LayerLab, side by side
    rebuild    after an edit of the code: the good variant against a fully cached build of it, and the slow variant against it
    machines   how long a new machine and a reset one take
    traces     reading the progress of a very long build

Where two things are compared they take turns, and the figure is the median of the pairs' ratios: what else the computer
does meanwhile slows both. Machines of the benchmarks' own are used, called "bench…"; they are removed at the end.
"""
