#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scripts.sh FOLDER GIMP ARGUMENT...: in a GIMP with a window on a screen of its own, presses the Help button of a dialog,
# and starts the script for folders from its menu entry. What the web browser is told lands in FOLDER/browsed.
set -u
. "$(dirname "$0")/window.sh"
folder=$1
shift

rm -f "$folder/browsed"
open_screen
"$@" &
gimp=$!

dismiss_welcome
start "colorize auto"
press "^Colorize Automatically$" alt+h
wait_for test -s "$folder/browsed"
press "^Colorize Automatically$" Escape
start "batch colorize"
press "^Batch Colorize Folder$" alt+o
wait_for test -s "$folder/one-scan/colorized/one.png"
wait_for xdotool search --onlyvisible --name "^GIMP Message$"
