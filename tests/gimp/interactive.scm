; SPDX-License-Identifier: GPL-3.0-or-later
;
; An interactive run in a GIMP with a window (interactive.sh presses the buttons), and what "Repeat" makes of it.

(load (string-append script-folder "helpers.scm"))

(define (say-that name)
  (close-output-port (open-output-file (string-append folder name))))

(define (wait-for name)
  (if (not (file-exists? (string-append folder name)))
    (begin
      (usleep 200000)
      (wait-for name))))

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
  (say-that "colored")
  (wait-for "undone")
  (fact "layers-undone" (layer-count image))
  (fact "base-type-undone" (car (gimp-image-get-base-type image)))
  (fact "dirty-undone" (car (gimp-image-is-dirty image)))
  (let ((repeat (lambda ()
                  (plug-in-chromatch #:run-mode RUN-WITH-LAST-VALS #:image image #:drawables (vector target)))))
    (fact "repeat-error" (message-of repeat))
    (fact "repeat-layers" (layer-count image))
    (fact "repeat-name" (car (gimp-item-get-name (selected-layer image))))
    (gimp-image-delete colors)
    (fact "closed-error" (message-of repeat))
    (fact "closed-layers" (layer-count image)))
  (close-output-port facts-port)
  (say-that "finished"))
