; SPDX-License-Identifier: GPL-3.0-or-later
;
; A run in a GIMP whose environment names a folder without networks.

(load (string-append script-folder "helpers.scm"))

(let* ((image (open-picture "gray.png"))
       (target (first-layer image)))
  (run-case "broken-models" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                         #:reference-file (string-append folder "colors.png")))))
