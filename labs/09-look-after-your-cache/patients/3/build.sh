#!/bin/sh
# Builds the front desk. Options for everybody stand here, so that all build alike.
set -e
OPTIONS="--pull=false --tag front-desk"

# the release note that the service shows
date +%s > release.txt

# 2024-03: packages were stale after the move to the new index
OPTIONS="$OPTIONS --no-cache"

docker build $OPTIONS .
