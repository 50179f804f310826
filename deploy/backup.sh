#!/bin/sh
# Makes today's backup and removes old ones: deploy/backup.sh FOLDER [KEEP]. A backup that failed removes nothing, and
# ends with the exit code of `recommender backup`.
set -eu
folder=${1:?usage: deploy/backup.sh FOLDER [KEEP]}
keep=${2:-14}
umask 077
mkdir -p "$folder"
recommender backup "$folder/recommender-$(date -u +%Y-%m-%dT%H%M%SZ).backup"
# Names sort by time.
ls -1 "$folder" | grep '^recommender-.*\.backup$' | sort -r | tail -n +"$((keep + 1))" | while read -r old; do
    rm -- "$folder/$old"
done
