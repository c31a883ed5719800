; SPDX-License-Identifier: GPL-3.0-or-later
;
; Interactive runs in a GIMP with a window (interactive.sh presses the buttons and takes back what they did), and what
; "Repeat" makes of them.

(load (string-append script-folder "helpers.scm"))

(define (say-that name)
  (close-output-port (open-output-file (string-append folder name))))

(define (wait-for name)
  (if (not (file-exists? (string-append folder name)))
    (begin
      (usleep 200000)
      (wait-for name))))

; Has the last step taken back by interactive.sh, and writes down what is left.
(define (take-back image question answer)
  (say-that question)
  (wait-for answer)
  (fact (string-append answer "-layers") (layer-count image))
  (fact (string-append answer "-base-type") (car (gimp-image-get-base-type image)))
  (fact (string-append answer "-dirty") (car (gimp-image-is-dirty image))))

(let* ((image (open-picture "gray.png"))
       (target (first-layer image))
       (colors (open-picture "colors.png")))
  (gimp-image-clean-all image)
  (gimp-display-new image)
  (open-facts "interactive")
  (plug-in-chromatch #:run-mode RUN-INTERACTIVE #:image image #:drawables (vector target))
  (fact "layers" (layer-count image))
  (fact "name" (car (gimp-item-get-name (selected-layer image))))
  (fact "base-type" (car (gimp-image-get-base-type image)))
  (take-back image "colored" "undone")

  ; Automatic colours.
  (plug-in-chromatch-automatic #:run-mode RUN-INTERACTIVE #:image image #:drawables (vector target))
  (fact "automatic-layers" (layer-count image))
  (fact "automatic-name" (car (gimp-item-get-name (selected-layer image))))
  (take-back image "guessed" "automatic-undone")

  ; A group of results is one step, too.
  (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                     #:references (vector (first-layer colors) (first-layer (open-picture "warm.png")))
                     #:combination "separate" #:working-size 64)
  (fact "separate-layers" (layer-count image))
  (fact "separate-name" (car (gimp-item-get-name (selected-layer image))))
  (take-back image "separated" "separate-undone")

  (let ((repeat (lambda ()
                  (plug-in-chromatch #:run-mode RUN-WITH-LAST-VALS #:image image #:drawables (vector target)))))
    (fact "repeat-error" (message-of repeat))
    (fact "repeat-layers" (layer-count image))
    (fact "repeat-name" (car (gimp-item-get-name (selected-layer image))))
    ; Hints chosen in a dialog are remembered in the same way: once they are wiped out, "Repeat" misses them.
    (let ((hints (add-layer image (first-layer (open-picture "stroke.png")) 0)))
      (plug-in-chromatch-automatic #:run-mode RUN-INTERACTIVE #:image image #:drawables (vector target) #:hints hints)
      (fact "hints-layers" (layer-count image))
      (gimp-drawable-edit-clear hints)
      (fact "hints-error" (message-of repeat))
      (gimp-image-remove-layer image hints)
      (fact "no-hints-error" (message-of repeat))
      (fact "no-hints-layers" (layer-count image)))
    (gimp-image-delete colors)
    (fact "closed-error" (message-of repeat))
    (fact "closed-layers" (layer-count image)))
  (close-output-port facts-port)
  (say-that "finished"))
