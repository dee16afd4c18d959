#!/bin/sh
# Which sources to trust, with what it gains; then two further parts, short.
# The argument is the folder of the environment's programs.
set -eu
bin=$1
folder=runs/demo
$bin/tfcommentaries learn --run_dir=$folder --spoiled_sources --validation_size=50

# They run while students train, and are shown afterwards.
others() {
    echo "== A weight for each example: 45 % of the labels name the next class"
    $bin/tfcommentaries learn --run_dir=$folder/mistakes --label_noise=0.45 \
        --label_noise_kind=pair --validation_size=50 --inner_steps=50
    $bin/tfcommentaries evaluate --run_dir=$folder/mistakes --seeds=3
    echo "== Which part of an image counts: pairs of digits, the blue one misleads"
    $bin/python -m experiments.coloured_digits.demo --verbosity=-1
}
others >$folder/others.txt 2>&1 &
others=$!
# Ctrl-C and a failure stop them and what they started. `|| true`: the status of a trap's
# last command would be the script's.
stop() {
    pkill -P $others 2>/dev/null || true
    kill $others 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT TERM
$bin/tfcommentaries evaluate --run_dir=$folder
$bin/tfcommentaries report $folder
echo
echo "Two further parts follow."
wait $others || { cat $folder/others.txt >&2; exit 1; }
cat $folder/others.txt
echo
echo "Look at $folder/pictures/overview.png and open $folder/report.html in a browser."
