#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dialog.sh FOLDER SAMPLES PICTURES GIMP ARGUMENT...: uses the dialogs as someone with a keyboard does, in a GIMP with a
# window on a screen of its own. Script-Fu's server in that GIMP tells, from outside, what became of the images, and closes
# some while a dialog is open. Writes FOLDER/dialog.facts, FOLDER/dialog.log and, where PICTURES is not empty, screenshots
# into that folder.
set -u
. "$(dirname "$0")/window.sh"
folder=$1
samples=$2
pictures=$3
shift 3
facts=$folder/dialog.facts
: > "$facts"
from_reference="^Colorize from Reference$"
automatically="^Colorize Automatically$"

fact() { printf '%s\t%s\n' "$1" "$2" >> "$facts"; }

is_gone() { ! shows "$1"; }

# What Script-Fu says to an expression: a packet of 'G', a length of two bytes, the text; the answer has one byte more, for
# an error.
ask() {
    local length=${#1} header
    exec 5<> "/dev/tcp/127.0.0.1/$port" || return 1
    printf "G\\x$(printf %02x $((length / 256)))\\x$(printf %02x $((length % 256)))%s" "$1" >&5
    read -r -a header < <(head -c 4 <&5 | od -An -tu1)
    head -c $((header[2] * 256 + header[3])) <&5
    exec 5>&-
}
answers() { [ "$(ask 1)" = 1 ]; }
layers() { ask '(vector-length (car (gimp-image-get-layers photo)))'; }
has_layers() { [ "$(layers)" = "$1" ]; }
plug_in_runs() { pgrep -P $gimp -x chromatch; }
has_width() { [ "$(ask '(car (gimp-image-get-width photo))')" = "$1" ]; }
two_run() { [ "$(pgrep -c -P $gimp -x chromatch)" = 2 ]; }
plug_in_ended() { ! plug_in_runs; }
# The layer is there before its undo step is complete.
wait_for_layers() {
    wait_for has_layers "$1"
    wait_for plug_in_ended
}

# The previews so far; each leaves a line in the log.
previews() { grep -a -c 'preview after' "$folder/dialog.log"; }
has_previews() { [ "$(previews)" -ge "$1" ]; }

# preview_after WINDOW KEY...: presses the keys and waits for the new preview.
preview_after() {
    local next=$(($(previews) + 1))
    press "$@"
    wait_for has_previews $next
    sleep 0.5
}

# picture NAME WINDOW
picture() {
    [ -z "$pictures" ] && return
    wait_for shows "$2"
    import -window "$(tail -n 1 "$folder/found")" "$pictures/$1.png"
}

open_screen
port=$((20000 + $$ % 20000))
G_MESSAGES_DEBUG=Chromatch "$@" --batch "(plug-in-script-fu-server #:run-mode RUN-NONINTERACTIVE #:ip \"127.0.0.1\" #:port $port
    #:logfile \"$folder/server.log\")" > "$folder/dialog.log" 2>&1 &
gimp=$!
wait_for answers

ask "(begin
       (define photo (car (gimp-file-load RUN-NONINTERACTIVE \"$samples/mountains-target.jpg\")))
       (gimp-image-convert-grayscale photo)
       (define (open-reference name) (car (gimp-file-load RUN-NONINTERACTIVE (string-append \"$samples/\" name))))
       (define mountains (open-reference \"mountains-reference.jpg\"))
       (define hills (open-reference \"hills-reference.jpg\"))
       (gimp-image-undo-enable photo)
       (gimp-display-new photo))" > /dev/null
xdotool mousemove 1365 767 # where it calls up no tooltip
dismiss_welcome

# The other reference, half the strength, a look at the layer as it is and at where the colours come from.
start "colorize from ref"
wait_for has_previews 1
preview_after "$from_reference" alt+y Tab Down
preview_after "$from_reference" alt+w Up
preview_after "$from_reference" alt+w Down
preview_after "$from_reference" alt+t 0 period 5 Tab
picture dialog-half "$from_reference"
preview_after "$from_reference" alt+t 1 Tab
picture dialog "$from_reference"
press "$from_reference" alt+b
picture dialog-before "$from_reference"
press "$from_reference" alt+b alt+m
picture dialog-where "$from_reference"
press "$from_reference" alt+z
wait_for_layers 2
fact colored-layers "$(layers)"
fact colored-name "$(ask '(car (gimp-item-get-name (vector-ref (car (gimp-image-get-layers photo)) 0)))')"
press "$image_window" ctrl+z
wait_for_layers 1
fact undone-layers "$(layers)"

# "Repeat" and "Re-show" of GIMP's Filters menu.
press "$image_window" ctrl+f
wait_for_layers 2
fact repeated-name "$(ask '(car (gimp-item-get-name (vector-ref (car (gimp-image-get-layers photo)) 0)))')"
press "$image_window" ctrl+z
wait_for_layers 1

# The Cancel button at the end of the status bar, left of the docks.
press_cancel() {
    local WIDTH HEIGHT
    wait_for shows "$image_window"
    eval "$(xdotool getwindowgeometry --shell "$(tail -n 1 "$folder/found")" | grep -E '^(WIDTH|HEIGHT)=')"
    xdotool mousemove --window "$(tail -n 1 "$folder/found")" $((WIDTH - 283)) $((HEIGHT - 18)) click 1
}

# Cancelled in the middle. The photo is large, so that there is a middle.
width=$(ask '(car (gimp-image-get-width photo))')
ask '(gimp-image-scale photo 3200 1800)' > /dev/null
press "$image_window" ctrl+f
press_cancel
wait_for plug_in_ended
fact cancelled-layers "$(layers)"
fact cancelled-base-type "$(ask '(car (gimp-image-get-base-type photo))')"

# A script colors another image while GIMP repeats.
press "$image_window" ctrl+f
ask '(let ((other (car (gimp-image-duplicate photo))))
       (plug-in-chromatch-automatic #:run-mode RUN-NONINTERACTIVE #:image other #:working-size 128
                                    #:drawables (car (gimp-image-get-layers other)))
       (vector-length (car (gimp-image-get-layers other))))' > "$folder/beside" &
beside=$!
wait_for two_run
wait $beside
fact beside-layers "$(cat "$folder/beside")"
wait_for_layers 2
press "$image_window" ctrl+z
wait_for_layers 1
# The step before is that of the scaling: what was cancelled has left none.
press "$image_window" ctrl+z
wait_for has_width "$width"
fact unscaled-layers "$(layers)"
seen=$(previews)
press "$image_window" ctrl+shift+f
wait_for has_previews $((seen + 1))
press "$from_reference" Escape
wait_for is_gone "$from_reference"
fact dismissed-layers "$(layers)"

# Dismissed at once, while the networks are still being loaded.
start "colorize from ref"
press "$from_reference" Escape
wait_for is_gone "$from_reference"
fact soon-dismissed-layers "$(layers)"

# Automatic colours.
seen=$(previews)
start "colorize auto"
wait_for has_previews $((seen + 1))
picture dialog-automatic "$automatically"
press "$automatically" alt+z
wait_for_layers 2
press "$image_window" ctrl+z
wait_for_layers 1

# The references are closed while the dialog is open.
seen=$(previews)
start "colorize from ref"
wait_for has_previews $((seen + 1))
ask '(begin (gimp-image-delete hills) (gimp-image-delete mountains))' > /dev/null
press "$from_reference" alt+w Up
sleep 1
picture dialog-closed-reference "$from_reference"
press "$from_reference" alt+z
wait_for is_gone "$from_reference"
wait_for shows "GIMP Message"
fact closed-reference-layers "$(layers)"
press "GIMP Message" Escape

# The layer itself is deleted while the dialog is open.
ask '(define mountains (open-reference "mountains-reference.jpg"))' > /dev/null
seen=$(previews)
start "colorize from ref"
wait_for has_previews $((seen + 1))
ask '(gimp-image-remove-layer photo (vector-ref (car (gimp-image-get-layers photo)) 0))' > /dev/null
press "$from_reference" alt+w Down
sleep 1
press "$from_reference" alt+z
wait_for is_gone "$from_reference"
fact deleted-layers "$(layers)"
fact alive "$(ask '(+ 1 1)')"
