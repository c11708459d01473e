#!/bin/bash
# Trains the denoiser of recipes/stories-paragraph-latents.json once for each switch, all else alike, so that what each writes can be
# measured: the table in docs/latents.md.
#
#   benchmarks/latent-ablation.sh CORPUS AUTOENCODER OUT [STEPS]
#
# CORPUS: of recipes/stories-english.json. AUTOENCODER: the model of recipes/stories-paragraphs.json. OUT: a folder for the runs, which go on
# where they stopped if it exists. STEPS: of each run, 400 unless given, a fifth of them with a falling learning rate. Then:
#
#   cinnabar eval writing -m OUT/plain/model --judge stories-12m-ar --corpus CORPUS --tokens 252 --count 50 --block 0 \
#     --compare OUT/tokens/model --compare OUT/adversarial/model … --latent-steps 25
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,12p' "$0"; exit 2; }
corpus=$1 autoencoder=$2 out=$3 steps=${4:-400}
cd "$(dirname "$0")/.."
mkdir -p "$out"
dotnet build -c Release src/Cinnabar.Cli > "$out/build.txt"

# A variant is a name and the keys it sets.
variants=(
    'plain'
    'tokens "token_weight": 0.1'
    'adversarial "adversarial_weight": 0.1'
    'low-first "noise_curriculum": "low_first"'
    'unconditioned "self_conditioning_share": 0'
)
for variant in "${variants[@]}"; do
    name=${variant%% *}
    keys=${variant#"$name"}
    run=$out/$name
    [ -d "$run/model" ] && continue
    {
        sed -e '/^}$/d' -e "s/\"decay_steps\": [0-9]*/\"decay_steps\": $((steps / 5))/" recipes/stories-paragraph-latents.json
        echo "  ${keys:+,$keys}"
        echo '}'
    } > "$out/$name.json"
    resume=$([ -d "$run/checkpoint" ] && echo --resume || true)
    dotnet run --no-build -c Release --project src/Cinnabar.Cli -- train "$out/$name.json" \
        --corpus "$corpus" --initial-model "$autoencoder" --output "$run" --steps "$steps" $resume 2>&1 | tee -a "$out/$name.txt"
done
