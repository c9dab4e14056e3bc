#!/usr/bin/env bash
# Check the action's inputs, and get LayerLab ready in the job's folder for temporary files.
set -euo pipefail
export LC_ALL=C # [A-Z] means these 26 letters

refuse() {
  echo "::error title=LayerLab::$1"
  exit 2
}

name=$LAYERLAB_NAME
case $name in
  '' | [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*)
    refuse "The input name may have letters, digits and the characters . _ - only, and begins with a letter or digit."
    ;;
esac
[ "${#name}" -le 100 ] || refuse "The input name may have 100 characters at most."
case $LAYERLAB_ANNOTATE in
  true | false) ;;
  *) refuse "The input annotate is either true or false." ;;
esac

place=$RUNNER_TEMP/layerlab
layerlab=${LAYERLAB_INSTALLED:-$place/venv/bin/layerlab}
if [ -z "$LAYERLAB_INSTALLED" ] && ! [ -x "$layerlab" ]; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    refuse "LayerLab needs Python 3.11 or newer: use actions/setup-python before this action."
  python3 -m venv "$place/venv"
  (cd "$GITHUB_ACTION_PATH/.." && "$place/venv/bin/python" scripts/install.py requirements-tool.lock --project)
fi
"$layerlab" --version

rm -rf "$place/reports/$name" # of another step of this job
mkdir -p "$place/records/$name" "$place/reports/$name"
{
  echo "layerlab=$layerlab"
  echo "name=$name"
  echo "records=$place/records/$name"
  echo "reports=$place/reports/$name"
} >>"$GITHUB_OUTPUT"
