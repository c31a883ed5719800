; SPDX-License-Identifier: GPL-3.0-or-later
;
; What two processes of GIMP do at the same time.

(load (string-append script-folder "helpers.scm"))

(let* ((image (open-picture "gray.png"))
       (target (first-layer image)))
  (open-facts "at-once-suggestions")
  (fact "error"
        (message-of
          (lambda ()
            (plug-in-chromatch-suggest #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                                       #:folder folder))))
  (close-output-port facts-port)
  (run-case "at-once" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                         #:reference-file (string-append folder "colors.png")))))
