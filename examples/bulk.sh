#!/usr/bin/env bash
# Annotates every video below a folder, several processes at a time, and keeps the tree of folders.
#
#   examples/bulk.sh VIDEOS OUT [options of `redtrack annotate`]
#
#   JOBS=4      processes at a time (default: 1)
#   DEVICES=..  a device for each of them in turn, such as "cuda:0 cuda:1" (default: auto)
#   PIECE=50    videos that one process does before the next starts
#
# VIDEOS/a/b.mp4 becomes OUT/a/b.h5. Each piece writes OUT/logs/NNNN.log. Run it again after a failure or a reboot:
# what is complete is skipped. Exit status: 0 all done, 1 some failed (named at the end), 2 wrong usage.
set -euo pipefail

if [ $# -lt 2 ] || [ ! -d "$1" ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
videos=${1%/}
mkdir -p "$2/logs"
out=$(cd "$2" && pwd)
shift 2
jobs=${JOBS:-1}
read -ra devices <<<"${DEVICES:-auto}"
cores=$(nproc)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores > jobs ? cores / jobs : 1))}

endings='264|265|3g2|3gp|asf|avi|divx|dv|f4v|flv|h264|h265|hevc|ivf|m1v|m2t|m2ts|m2v|m4v|mjpeg|mjpg|mkv|mov|mp4|mpe|mpeg'
endings+='|mpg|mts|mxf|nut|ogm|ogv|rm|rmvb|ts|vob|webm|wmv|wtv|y4m' # as redtrack itself looks for in folders

# A list of at most PIECE videos for each job, all of one folder; beside it the folder that their tracks go to.
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
count=0
while IFS= read -r -d '' folder; do
    find -L "$folder" -maxdepth 1 -type f -regextype posix-extended \
        -iregex ".*\.($endings)" ! -name $'*\n*' | sort >"$lists/all"
    [ -s "$lists/all" ] || continue
    split -l "${PIECE:-50}" "$lists/all" "$lists/part."
    for part in "$lists"/part.*; do
        count=$((count + 1))
        number=$(printf '%04d' "$count")
        mv "$part" "$lists/$number.txt"
        printf '%s' "$out${folder#"$videos"}" >"$lists/$number.folder"
    done
done < <(find -L "$videos" -type d -print0 | sort -z)
rm -f "$lists/all"
if [ "$count" -eq 0 ]; then
    echo "$videos: no videos below this folder" >&2
    exit 2
fi

annotate_piece() { # NUMBER, then options
    local number=$1 status=0
    shift
    read -ra devices <<<"$DEVICES"
    redtrack annotate "@$LISTS/$number.txt" -o "$(cat "$LISTS/$number.folder")" --progress plain \
        --device "${devices[SLOT % ${#devices[@]}]}" "$@" >"$OUT/logs/$number.log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || echo "$number (exit $status)" >>"$LISTS/failed"
}
export -f annotate_piece
export LISTS=$lists OUT=$out DEVICES="${devices[*]}"
find "$lists" -name '*.txt' -printf '%f\0' | sort -z | sed -z 's/\.txt$//' |
    xargs -0 -r -P "$jobs" --process-slot-var=SLOT -I{} bash -c 'annotate_piece "$@"' bulk {} "$@"

total=$(cat "$lists"/*.txt | wc -l)
if [ -s "$lists/failed" ]; then
    echo "$total videos in $count pieces; pieces with failures:" >&2
    sort "$lists/failed" | sed "s|^|  $out/logs/|; s| (|.log (|" >&2
    exit 1
fi
echo "$total videos in $count pieces, all done" >&2
