# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts share that use a GIMP with a window by keyboard, on a screen of its own. Read by them (". window.sh"),
# with FOLDER, the test's folder, in $folder.

image_window="– GIMP$"

# Waits up to two minutes for a command to succeed.
wait_for() {
    turns=0
    until "$@" > "$folder/found" 2> /dev/null; do
        turns=$((turns + 1))
        if [ $turns -gt 480 ]; then
            echo "waited in vain for: $*"
            exit 1
        fi
        sleep 0.25
    done
}

shows() { xdotool search --onlyvisible --name "$1"; }

# press WINDOW KEY...: later turns find the same window; the last line is the newest.
press() {
    wait_for shows "$1"
    sleep 0.5
    xdotool windowfocus --sync "$(tail -n 1 "$folder/found")"
    shift
    sleep 0.5
    xdotool key --clearmodifiers "$@"
    sleep 0.5
}

# start ENTRY: GIMP's own search for actions finds what is in a menu.
start() {
    press "– GIMP$|^GNU Image Manipulation Program$" slash
    sleep 1.5
    xdotool type "$1"
    sleep 1.5
    xdotool key Return
}

# GIMP greets a new user; 3.2 does, whatever the settings say, and takes the keyboard.
dismiss_welcome() {
    wait_for shows "$image_window"
    sleep 3
    [ -z "$(shows '^Welcome')" ] || press '^Welcome' Escape
}

# GIMP's plug-ins first: the Script-Fu server of GIMP 3.2 outlives a GIMP that is ended. GIMP itself calls exit() where it
# is asked to end, in the signal's handler, and may then wait for ever for a lock that it holds (GIMP 3.0.4).
end_all() {
    if [ -n "$gimp" ]; then
        kill $(pgrep -P "$gimp") 2> /dev/null
        kill -KILL "$gimp" 2> /dev/null
    fi
    kill $manager $screen 2> /dev/null
}

# A screen with a window manager, and a trap that ends them and, where it has been started, $gimp.
open_screen() {
    rm -f "$folder/display"
    Xvfb -displayfd 3 -screen 0 1366x768x24 -nolisten tcp 3> "$folder/display" 2> /dev/null &
    screen=$!
    gimp=
    manager=
    trap end_all EXIT
    wait_for test -s "$folder/display"
    DISPLAY=":$(cat "$folder/display")"
    export DISPLAY
    openbox 2> /dev/null &
    manager=$!
}
