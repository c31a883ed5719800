; SPDX-License-Identifier: GPL-3.0-or-later
;
; An interactive run in a GIMP with a window: see undo.sh, which presses the buttons.

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
  (open-facts "undo")
  (plug-in-chromatch #:run-mode RUN-INTERACTIVE #:image image #:drawables (vector target))
  (fact "layers" (layer-count image))
  (fact "base-type" (car (gimp-image-get-base-type image)))
  (say-that "colored")
  (wait-for "undone")
  (fact "layers-undone" (layer-count image))
  (fact "base-type-undone" (car (gimp-image-get-base-type image)))
  (fact "dirty-undone" (car (gimp-image-is-dirty image)))
  (close-output-port facts-port)
  (say-that "finished"))
