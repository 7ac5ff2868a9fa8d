#!/bin/sh
# Makes a Python environment with the peers that tests and benchmarks compare with.
#
#   benches/peers/install.sh [FOLDER [LIST]]        (default: target/peers in the workspace, requirements)
#
# The versions are those of LIST.txt: requirements (astrocut, lightkurve, tsdownsample, fastavro) or catalogues (hats, lsdb, duckdb),
# which need other versions of pandas. Does nothing where the folder has them already.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv=${1:-$here/../../target/peers}
list=${2:-requirements}
wanted=$here/$list.txt
case $list in
    requirements) modules='astrocut, astropy, fastavro, lightkurve, pyarrow, tsdownsample' ;;
    catalogues) modules='cdshealpix, duckdb, hats, lsdb, mocpy, pyarrow' ;;
    *) echo "error: there is no list $list; expected requirements or catalogues" >&2; exit 2 ;;
esac
installed=$venv/requirements.txt

if [ -x "$venv/bin/python" ] && cmp -s "$wanted" "$installed"; then
    echo "$venv: there already"
    exit 0
fi

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $python is older than 3.11; set PYTHON to a newer one" >&2
    exit 2
}
rm -f "$installed"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
"$venv/bin/python" -m pip check
"$venv/bin/python" -c "import $modules"
# Written last: an interrupted run is begun again.
cp "$wanted" "$installed"
echo "$venv: ready"
