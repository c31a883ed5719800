; What packaging/try lets GIMP do with one pair of photos.

(define (top-layer image)
  (vector-ref (car (gimp-image-get-layers image)) 0))

(define (layer-count image)
  (vector-length (car (gimp-image-get-layers image))))

; A copy of the layer in another image, scaled to a height, with its left edge at x. Returns x of its right edge.
(define (place-copy layer sheet height x)
  (let* ((copy (car (gimp-layer-new-from-drawable layer sheet)))
         (width (round (/ (* height (car (gimp-drawable-get-width layer))) (car (gimp-drawable-get-height layer))))))
    (gimp-image-insert-layer sheet copy 0 0)
    (gimp-item-set-visible copy TRUE)
    (gimp-layer-scale copy width height FALSE)
    (gimp-layer-set-offsets copy x 0)
    (+ x width)))

; Target, reference and result side by side on white.
(define (save-side-by-side layers height file)
  (let ((sheet (car (gimp-image-new 1 height RGB)))
        (gap 8)
        (x 0))
    (for-each (lambda (layer) (set! x (+ gap (place-copy layer sheet height x)))) layers)
    (gimp-image-resize sheet (- x gap) height 0 0)
    (gimp-context-set-background '(255 255 255))
    (gimp-image-flatten sheet)
    (gimp-file-save RUN-NONINTERACTIVE sheet file -1)
    (gimp-image-delete sheet)))

; Throws the target's colours away and gives it the reference's, by way of the plug-in.
(define (chromatch-try target-file reference-file png-file xcf-file)
  (let* ((image (car (gimp-file-load RUN-NONINTERACTIVE target-file)))
         (target (top-layer image))
         (reference (car (gimp-file-load-layer RUN-NONINTERACTIVE image reference-file))))
    (gimp-item-set-name target "target")
    (gimp-drawable-desaturate target DESATURATE-LUMINANCE)
    (gimp-image-insert-layer image reference 0 1)
    (gimp-item-set-name reference "reference")
    (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:reference reference)
    (if (not (= (layer-count image) 3))
        (error "The plug-in has made no new layer."))
    (gimp-item-set-visible reference FALSE)
    (gimp-file-save RUN-NONINTERACTIVE image xcf-file -1)
    (save-side-by-side (list target reference (top-layer image)) (car (gimp-image-get-height image)) png-file)
    (gimp-image-delete image)))
