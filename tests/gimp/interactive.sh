#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# interactive.sh FOLDER GIMP ARGUMENT...: runs GIMP with a window on a screen of its own, and does what a user does: presses
# the dialogs' buttons, and Ctrl+Z once the script in GIMP (interactive.scm) says that the new layers are there.
set -u
. "$(dirname "$0")/window.sh"
folder=$1
shift

open_screen
"$@" &
gimp=$!

# take_back QUESTION ANSWER: undoes the step that the script speaks of.
take_back() {
    wait_for test -e "$folder/$1"
    press "$image_window" ctrl+z
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
