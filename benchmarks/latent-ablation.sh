#!/bin/bash
# Trains the denoiser of recipes/stories-latents.json once for each switch, all else alike, and measures what each writes: the table in
# docs/latents.md.
#
#   benchmarks/latent-ablation.sh CORPUS CODES OUT [STEPS]
#
# CORPUS: of recipes/stories-english.json. CODES: the model of recipes/stories-codes.json. OUT: a folder for the runs, which go on where they
# stopped if it exists. STEPS: of each run, 1000 unless given. Then, with the models of recipes/stories-12m.json and stories-12m-ar.json:
#
#   cinnabar eval writing -m stories-12m --judge stories-12m-ar --corpus CORPUS --tokens 252 --count 50 --temperature 1 --block 0 \
#     --compare OUT/plain/model --compare OUT/low-first/model … --latent-steps 25
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,12p' "$0"; exit 2; }
corpus=$1 codes=$2 out=$3 steps=${4:-1000}
cd "$(dirname "$0")/.."
mkdir -p "$out"
dotnet build -c Release src/Cinnabar.Cli > "$out/build.txt"

# A variant is a name and the keys it sets.
variants=(
    'plain'
    'low-first "noise_curriculum": "low_first"'
    'tokens "token_weight": 0.1'
    'adversarial "adversarial_weight": 0.1'
    'unconditioned "self_conditioning_share": 0'
    'all "noise_curriculum": "low_first", "token_weight": 0.1, "adversarial_weight": 0.1'
)
for variant in "${variants[@]}"; do
    name=${variant%% *}
    keys=${variant#"$name"}
    run=$out/$name
    [ -d "$run/model" ] && continue
    {
        sed -e '/^}$/d' recipes/stories-latents.json
        echo "  ${keys:+,$keys}"
        echo '}'
    } > "$out/$name.json"
    resume=$([ -d "$run/checkpoint" ] && echo --resume || true)
    dotnet run --no-build -c Release --project src/Cinnabar.Cli -- train "$out/$name.json" \
        --corpus "$corpus" --initial-model "$codes" --output "$run" --steps "$steps" $resume 2>&1 | tee -a "$out/$name.txt"
done
