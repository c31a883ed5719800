; SPDX-License-Identifier: GPL-3.0-or-later
;
; Runs of the plug-in that killed.sh ends at random moments, and what becomes of the images.

(load (string-append script-folder "helpers.scm"))

(define (say-that name)
  (close-output-port (open-output-file (string-append folder name))))

; Mean of all pixels: another one where a layer is not complete.
(define (mean-value drawable)
  (car (gimp-drawable-histogram drawable HISTOGRAM-VALUE 0.0 1.0)))

(define (run-once number)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE photo-file)))
         (target (first-layer image)))
    (gimp-image-convert-grayscale image)
    (let ((key (number->string number)))
      (message-of (lambda ()
                    (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                                       #:reference target-colors #:working-size 128)))
      (fact (string-append key "-layers") (layer-count image))
      (fact (string-append key "-base-type") (car (gimp-image-get-base-type image)))
      (fact (string-append key "-target") (mean-value target))
      (fact (string-append key "-top") (mean-value (first-layer image))))
    (gimp-image-delete image)))

(define (run-until-stopped number)
  (if (not (file-exists? (string-append folder "stop")))
    (begin
      (run-once number)
      (run-until-stopped (+ number 1)))
    (fact "runs" number)))

(define target-colors (first-layer (car (gimp-file-load RUN-NONINTERACTIVE reference-file))))
(open-facts "killed")
(run-once 0)
(say-that "began")
(run-until-stopped 1)
(fact "images" (vector-length (car (gimp-get-images))))
(close-output-port facts-port)
