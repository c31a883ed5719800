; SPDX-License-Identifier: GPL-3.0-or-later
;
; A bad argument that nothing catches.

(load (string-append script-folder "helpers.scm"))

(let ((image (open-picture "gray.png")))
  (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector (first-layer image))
                     #:reference-file (string-append folder "missing.png")))
