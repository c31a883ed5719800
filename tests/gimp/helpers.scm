; SPDX-License-Identifier: GPL-3.0-or-later
;
; What the scripts of these tests share. `folder` is where pictures are read and facts are written.

(define facts-port #f)

(define (open-facts name)
  (set! facts-port (open-output-file (string-append folder name ".facts"))))

(define (fact key value)
  (display key facts-port)
  (display "\t" facts-port)
  (display value facts-port)
  (newline facts-port))

; What a failing call says, or "" where it succeeds.
(define (message-of call)
  (let* ((usual-hook *error-hook*)
         (message
           (call/cc
             (lambda (return)
               (set! *error-hook* (lambda (text . more) (return text)))
               (call)
               ""))))
    (set! *error-hook* usual-hook)
    message))

(define (open-picture name)
  (car (gimp-file-load RUN-NONINTERACTIVE (string-append folder name))))

(define (first-layer image)
  (vector-ref (car (gimp-image-get-layers image)) 0))

(define (layer-count image)
  (vector-length (car (gimp-image-get-layers image))))

; The selected layer, -1 for none. After a run it is the plug-in's new layer: GIMP selects what was inserted last.
(define (selected-layer image)
  (let ((layers (car (gimp-image-get-selected-layers image))))
    (if (= 0 (vector-length layers)) -1 (vector-ref layers 0))))

; A copy of the drawable at the top of the parent (0: of the image).
(define (add-layer image drawable parent)
  (let ((layer (car (gimp-layer-new-from-drawable drawable image))))
    (gimp-image-insert-layer image layer parent 0)
    layer))

; Drawables of one size, side by side in one file: the drawables' own pixels, converted by GIMP to linear sRGB floats.
; One file instead of three saves two starts of the exporting plug-in.
(define (new-row drawable count)
  (car (gimp-image-new-with-precision (* count (car (gimp-drawable-get-width drawable)))
                                      (car (gimp-drawable-get-height drawable)) RGB PRECISION-FLOAT-LINEAR)))

(define (put-into-row row drawable place)
  (let ((layer (add-layer row drawable 0)))
    (if (not (= -1 (car (gimp-layer-get-mask layer))))
      (gimp-layer-remove-mask layer MASK-DISCARD))
    (gimp-item-set-lock-content layer FALSE)
    (gimp-item-set-lock-position layer FALSE)
    (gimp-item-set-lock-visibility layer FALSE)
    (gimp-layer-set-offsets layer (* place (car (gimp-drawable-get-width drawable))) 0)
    (gimp-item-set-visible layer TRUE)
    (gimp-layer-set-mode layer LAYER-MODE-NORMAL)
    (gimp-layer-set-opacity layer 100)))

(define (write-row row name)
  (gimp-image-merge-visible-layers row CLIP-TO-IMAGE)
  (gimp-layer-resize-to-image-size (first-layer row))
  (file-tiff-export #:run-mode RUN-NONINTERACTIVE #:image row #:file (string-append folder name ".tif")
                    #:include-thumbnail FALSE)
  (gimp-image-delete row))

(define (write-place prefix image layer)
  (let ((offsets (gimp-drawable-get-offsets layer)))
    (fact (string-append prefix "x") (car offsets))
    (fact (string-append prefix "y") (cadr offsets))
    (fact (string-append prefix "width") (car (gimp-drawable-get-width layer)))
    (fact (string-append prefix "height") (car (gimp-drawable-get-height layer)))
    (fact (string-append prefix "alpha") (car (gimp-drawable-has-alpha layer)))
    (fact (string-append prefix "position") (car (gimp-image-get-item-position image layer)))
    (fact (string-append prefix "parent") (car (gimp-item-get-parent layer)))))

; Runs the plug-in on the image and writes down what became of it. The file NAME.tif holds the target before, the
; target after and the new layer.
(define (run-case name image target call)
  (open-facts name)
  (let ((row (new-row target 3))
        (old-selected (selected-layer image))
        (old-position (car (gimp-image-get-item-position image target))))
    (put-into-row row target 0)
    (fact "base-type-before" (car (gimp-image-get-base-type image)))
    (fact "precision-before" (car (gimp-image-get-precision image)))
    (fact "layers-before" (layer-count image))
    (fact "position-before" old-position)
    (fact "selection-empty-before" (car (gimp-selection-is-empty image)))
    (fact "error" (message-of call))
    (fact "selection-empty" (car (gimp-selection-is-empty image)))
    (fact "base-type" (car (gimp-image-get-base-type image)))
    (fact "precision" (car (gimp-image-get-precision image)))
    (fact "layers" (layer-count image))
    (write-place "target-" image target)
    (put-into-row row target 1)
    (let ((layer (selected-layer image)))
      (if (not (= layer old-selected))
        (begin
          (fact "name" (car (gimp-item-get-name layer)))
          (fact "mode" (car (gimp-layer-get-mode layer)))
          (fact "opacity" (car (gimp-layer-get-opacity layer)))
          (fact "mask" (if (= -1 (car (gimp-layer-get-mask layer))) "no" "yes"))
          (write-place "new-" image layer)
          (put-into-row row layer 2))))
    (write-row row name))
  (close-output-port facts-port))
