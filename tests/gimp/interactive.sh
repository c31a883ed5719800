#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# interactive.sh FOLDER GIMP ARGUMENT...: runs GIMP with a window on a screen of its own, and does what a user does: presses
# the dialogs' buttons, and Ctrl+Z once the script in GIMP (interactive.scm) says that the new layers are there.
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

# Later turns find the same window; the last line is the newest.
press() {
    wait_for xdotool search --onlyvisible --name "$1"
    window=$(tail -n 1 "$folder/found")
    sleep 1
    xdotool windowfocus --sync "$window"
    xdotool key --clearmodifiers "$2"
}

rm -f "$folder/display"
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

# take_back QUESTION ANSWER: undoes the step that the script speaks of.
take_back() {
    wait_for test -e "$folder/$1"
    press "GIMP$" ctrl+z
    sleep 2
    touch "$folder/$2"
}

press "^Colorize from Reference$" alt+z
take_back colored undone
press "^Colorize Automatically$" alt+z
take_back guessed automatic-undone
take_back separated separate-undone
press "^Colorize Automatically$" alt+z
wait_for test -e "$folder/finished"
