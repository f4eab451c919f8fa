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

# features STUDY FOLDER TIMES MODALITY...
features() {
    local study=$1 folder=$2 at=$3 wanted=()
    shift 3
    for modality; do
        wanted+=(--modality "$modality" --spec "training/specs/$modality.txt" --out "$work/$study-$modality.parquet")
    done
    "$latefusion" features --dataset "$study" "$data/$folder" --at "$at" "${wanted[@]}"
}

made=0
rm -rf $work/made $work/cinc2012 $work/eicu-demo
for study in cinc2012 eicu-demo; do
    folder=${study//-/_}
    if [ ! -d "$data/$folder" ]; then
        echo "make train: $data/$folder IS NOT THERE, its packages are left as they are" >&2
        continue
    fi
    modalities=(vitals labs) at=24h,48h
    [ $study = eicu-demo ] && modalities+=(imaging) at=12h,24h
    features $study "$folder" $at "${modalities[@]}"
    (cd training && OMP_NUM_THREADS=1 venv/bin/python -m trainer.mortality $study work work/made $date)
    made=1
done
[ $made = 1 ] || { echo "make train: no data set in $data" >&2; exit 1; }
(cd training && venv/bin/python -m trainer.check work/made ../models)
cp -r $work/made/. models/
