#!/usr/bin/env bash
# Makes the shipped packages again from the unpacked data sets, with the cross-fitted models that `latefusion evaluate --folds`
# takes, and holds their figures against the committed ones. Used by `make train`.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$1
# Date of the recipe: part of the packages' provenance, so that making them again changes no byte of them.
date=2026-11-24
latefusion=target/release/latefusion
[ -n "${CARGO_TARGET_DIR:-}" ] && latefusion=$CARGO_TARGET_DIR/release/latefusion
work=training/work
mkdir -p $work

# features STUDY DATASET TIMES MODALITY=SPEC...
features() {
    local study=$1 dataset=$2 at=$3 wanted=()
    shift 3
    for each; do
        wanted+=(--modality "${each%=*}" --spec "training/specs/${each#*=}.txt" --out "$work/$study-${each%=*}.parquet")
    done
    "$latefusion" features --dataset "$dataset" "$data/${dataset//-/_}" --at "$at" "${wanted[@]}"
}

# study STUDY DATASET TIMES MODALITY=SPEC...
made=0
study() {
    if [ ! -d "$data/${2//-/_}" ]; then
        echo "make train: $data/${2//-/_} IS NOT THERE, the packages of $1 are left as they are" >&2
        return
    fi
    features "$@"
    (cd training && OMP_NUM_THREADS=1 venv/bin/python -m trainer.mortality "$1" work work/made $date)
    made=1
}

rm -rf $work/made $work/*/fold-*
study cinc2012 cinc2012 24h,48h vitals=vitals labs=labs
study cinc2012-ward cinc2012 24h,48h vitals=vitals-ward labs=labs
study eicu-demo eicu-demo 12h,24h vitals=vitals labs=labs imaging=imaging
[ $made = 1 ] || { echo "make train: no data set in $data" >&2; exit 1; }
(cd training && venv/bin/python -m trainer.check work/made ../models)
cp -r $work/made/. models/
