#!/usr/bin/env bash
# Put what LayerLab says of the build where people look: the job's summary, and beside the Dockerfile's lines.
set -euo pipefail

if ! [ -f "$LAYERLAB_REPORTS/summary.md" ]; then
  echo "::warning title=LayerLab::There's nothing to report: the output of the build command says why, at its end."
  exit
fi
cat "$LAYERLAB_REPORTS/summary.md" >>"$GITHUB_STEP_SUMMARY"
if [ "$LAYERLAB_ANNOTATE" = true ]; then
  cat "$LAYERLAB_REPORTS/annotations.txt" # the runner reads them from what the step prints
fi
echo "written=true" >>"$GITHUB_OUTPUT"
