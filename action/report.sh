#!/usr/bin/env bash
# Put what LayerLab says of the build where people look: the job's summary, and beside the Dockerfile's lines.
set -euo pipefail

if [ -f "$LAYERLAB_REPORTS/summary.md" ]; then
  cat "$LAYERLAB_REPORTS/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
if [ "$LAYERLAB_ANNOTATE" = true ] && [ -f "$LAYERLAB_REPORTS/annotations.txt" ]; then
  cat "$LAYERLAB_REPORTS/annotations.txt" # the runner reads them from what the step prints
fi
