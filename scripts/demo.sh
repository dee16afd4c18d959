#!/bin/sh
# Which sources to trust, and what that gains. The arguments: the folder of the
# environment's programs, and "more" for two further parts in place of it.
set -eu
bin=$1
folder=runs/demo
title() { printf '\n== %s\n' "$1"; }

if [ "${2:-}" = more ]; then
    title "A weight for each example: 45 % of the labels name the next class"
    $bin/tfcommentaries learn --run_dir=$folder/mistakes --label_noise=0.45 \
        --label_noise_kind=pair --validation_size=50 --inner_steps=50
    $bin/tfcommentaries evaluate --run_dir=$folder/mistakes --seeds=3
    $bin/tfcommentaries report $folder/mistakes
    title "Which part of an image counts: pairs of digits, the blue one misleads"
    $bin/python -W ignore -m experiments.coloured_digits.demo --verbosity=-1
    exit
fi
title "A weight for each source: ten people labelled digits, seven of them badly"
$bin/tfcommentaries learn --run_dir=$folder --spoiled_sources --validation_size=50
title "Does it help? New models, trained with the weights and without"
$bin/tfcommentaries evaluate --run_dir=$folder --seeds=3 --steps=200
$bin/tfcommentaries report $folder
printf '\nOpen %s/report.html in a browser. Two further parts: make demo-more\n' \
    "$folder"
