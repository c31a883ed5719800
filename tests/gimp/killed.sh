#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# killed.sh FOLDER COUNT GIMP ARGUMENT...: runs GIMP without a window on killed.scm, and ends COUNT of its runs of the
# plug-in at random moments of their life, with SIGKILL and SIGTERM in turns. FOLDER/kills then holds the signals and those
# moments, in seconds.
set -u
folder=$1
count=$2
shift 2
rm -f "$folder/began" "$folder/stop" "$folder/kills"
"$@" &
gimp=$!
trap 'kill -KILL $gimp 2> /dev/null' EXIT

plug_in() { pgrep -P $gimp -x chromatch | tail -n 1; }
alive() { kill -0 $gimp 2> /dev/null || { echo "GIMP ended"; exit 1; }; }

# The first run is left alone; it says how long a run takes.
began=$EPOCHREALTIME
while [ ! -e "$folder/began" ]; do
    alive
    [ -z "${seen:-}" ] && [ -n "$(plug_in)" ] && seen=yes && began=$EPOCHREALTIME
    sleep 0.02
done
duration=$(awk "BEGIN { print $EPOCHREALTIME - $began }")

# A run that ended before its moment says how long one takes now, and does not count.
RANDOM=1
last=
kills=0
for ((turn = 0; kills < count && turn < 4 * count; turn++)); do
    until process=$(plug_in) && [ -n "$process" ] && [ "$process" != "$last" ]; do
        alive
        sleep 0.01
    done
    last=$process
    moment=$(awk "BEGIN { print $duration * $RANDOM / 32768 }")
    sleep "$moment"
    signal=KILL
    ((kills % 2)) && signal=TERM
    if kill -$signal "$process" 2> /dev/null; then
        echo "$signal $moment" >> "$folder/kills"
        kills=$((kills + 1))
    else
        duration=$(awk "BEGIN { print 0.9 * $moment }")
    fi
    alive
done
touch "$folder/stop"
wait $gimp
