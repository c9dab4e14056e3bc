#!/bin/sh
set -e
docker build --tag front-desk .
