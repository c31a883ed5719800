#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scripts.sh FOLDER GIMP ARGUMENT...: in a GIMP with a window on a screen of its own, presses the Help button of a dialog,
# and starts the script for folders from its menu entry. What the web browser is told lands in FOLDER/browsed.
set -u
folder=$1
shift

# Waits up to two minutes for a command to succeed.
wait_for() {
    turns=0
    until "$@" > "$folder/found" 2> /dev/null; do
        turns=$((turns + 1))
        if [ $turns -gt 240 ]; then
            echo "waited in vain for: $*"
            exit 1
        fi
        sleep 0.5
    done
}

press() {
    wait_for xdotool search --onlyvisible --name "$1"
    sleep 1
    xdotool windowfocus --sync "$(tail -n 1 "$folder/found")"
    xdotool key --clearmodifiers "$2"
}

# GIMP's own search for actions finds what is in a menu.
start() {
    press "GIMP$" slash
    sleep 2
    xdotool type "$1"
    sleep 2
    xdotool key Return
}

rm -f "$folder/display" "$folder/browsed"
Xvfb -displayfd 3 -screen 0 1280x900x24 -nolisten tcp 3> "$folder/display" 2> /dev/null &
screen=$!
wait_for test -s "$folder/display"
DISPLAY=":$(cat "$folder/display")"
export DISPLAY
openbox 2> /dev/null &
manager=$!
"$@" &
gimp=$!
trap 'kill $gimp $manager $screen 2> /dev/null' EXIT

start "colorize auto"
press "^Colorize Automatically$" alt+h
wait_for test -s "$folder/browsed"
press "^Colorize Automatically$" Escape
start "batch colorize"
press "^Batch Colorize Folder$" alt+o
wait_for test -s "$folder/one-scan/colorized/one.png"
wait_for xdotool search --onlyvisible --name "^GIMP Message$"
