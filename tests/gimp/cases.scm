; SPDX-License-Identifier: GPL-3.0-or-later
;
; Every case that needs nothing special, in one process of GIMP. A case makes an image, runs the plug-in and leaves
; behind NAME.facts (a line "key<TAB>value" for each fact) and NAME.tif with the pictures.

(load (string-append script-folder "helpers.scm"))

(define gray (open-picture "gray.png"))
(define (gray-target) (car (gimp-image-duplicate gray)))
(define colors (open-picture "colors.png"))
(define reference (first-layer colors))

(define (colorize image target)
  (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                     #:reference reference #:working-size 64))

(define (colorize-case name image)
  (let ((target (first-layer image)))
    (run-case name image target (lambda () (colorize image target)))))

; A gray image in every precision.
(define (precision-case name precision)
  (let ((image (gray-target)))
    (if (not (= precision (car (gimp-image-get-precision image))))
      (gimp-image-convert-precision image precision))
    (colorize-case name image)))

(precision-case "gray-u8" PRECISION-U8-NON-LINEAR)
(precision-case "gray-u8-linear" PRECISION-U8-LINEAR)
(precision-case "gray-u16" PRECISION-U16-NON-LINEAR)
(precision-case "gray-u16-linear" PRECISION-U16-LINEAR)
(precision-case "gray-u32" PRECISION-U32-NON-LINEAR)
(precision-case "gray-half" PRECISION-HALF-NON-LINEAR)
(precision-case "gray-float" PRECISION-FLOAT-NON-LINEAR)
(precision-case "gray-float-linear" PRECISION-FLOAT-LINEAR)
(precision-case "gray-double" PRECISION-DOUBLE-LINEAR)

; An RGB image with a gray picture in it.
(define (rgb-target precision)
  (let ((image (gray-target)))
    (gimp-image-convert-rgb image)
    (if (not (= precision (car (gimp-image-get-precision image))))
      (gimp-image-convert-precision image precision))
    image))
(colorize-case "rgb-u8" (rgb-target PRECISION-U8-NON-LINEAR))
(colorize-case "rgb-u16" (rgb-target PRECISION-U16-NON-LINEAR))
(colorize-case "rgb-float-linear" (rgb-target PRECISION-FLOAT-LINEAR))

(let ((image (rgb-target PRECISION-U8-NON-LINEAR)))
  (gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 64 FALSE FALSE "")
  (colorize-case "indexed" image))

; Other profiles.
(let ((image (gray-target)))
  (gimp-image-set-color-profile-from-file image (string-append folder "gray.icc"))
  (colorize-case "gray-profile" image))
(colorize-case "wide-profile" (open-picture "wide-target.png"))

; A layer that begins outside the image and fades out.
(let* ((image (rgb-target PRECISION-U16-NON-LINEAR))
       (target (add-layer image (first-layer (open-picture "fading.png")) 0)))
  (gimp-layer-set-offsets target -13 52)
  (run-case "offset-alpha" image target (lambda () (colorize image target))))

; A layer between two others in a group.
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (group (car (gimp-group-layer-new image "Group"))))
  (gimp-image-insert-layer image group 0 0)
  (let ((target (add-layer image (first-layer (gray-target)) group)))
    (add-layer image (first-layer (gray-target)) group)
    (run-case "in-a-group" image target (lambda () (colorize image target)))))

; A soft selection. The selection and the mask that came of it are pictures of their own.
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (row (new-row target 2)))
  (gimp-context-set-feather TRUE)
  (gimp-context-set-feather-radius 9 9)
  (gimp-image-select-ellipse image CHANNEL-OP-REPLACE 30 20 70 60)
  (put-into-row row (car (gimp-image-get-selection image)) 0)
  (run-case "selection" image target (lambda () (colorize image target)))
  (let ((mask (car (gimp-layer-get-mask (selected-layer image)))))
    (if (not (= mask -1))
      (put-into-row row mask 1)))
  (write-row row "selection-and-mask"))

; The reference's own profile counts: the same colours in another profile give the same colours, the same numbers
; without their profile do not.
(define (reference-case name photo change)
  (let* ((image (gray-target))
         (target (first-layer image))
         (warm (open-picture photo)))
    (change warm)
    (run-case name image target
      (lambda ()
        (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                           #:reference (first-layer warm) #:working-size 64)))))
(reference-case "plain-reference" "warm.png" (lambda (warm) #t))
(reference-case "wide-reference" "wide-warm.png" (lambda (warm) #t))
(reference-case "wrong-reference" "wide-warm.png"
  (lambda (warm) (gimp-image-set-color-profile-from-file warm (string-append folder "srgb.icc"))))

; Arguments.
(define (argument-case name . arguments)
  (let* ((image (gray-target))
         (target (first-layer image)))
    (run-case name image target
      (lambda ()
        (apply plug-in-chromatch
          (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:working-size 64)
                  arguments))))))
(argument-case "reference-file" #:reference-file (string-append folder "colors.png"))
(argument-case "layer-before-file" #:reference reference #:reference-file (string-append folder "missing.png"))
(argument-case "automatic")
(argument-case "chroma-layer" #:reference reference #:output "chroma-layer")
(argument-case "no-strength" #:reference reference #:strength 0)
(argument-case "seed-and-device" #:reference reference #:seed 7 #:device "cpu" #:insist TRUE)

; Bad arguments.
(argument-case "missing-file" #:reference-file (string-append folder "missing.png"))
(argument-case "not-an-image" #:reference-file (string-append folder "not-an-image.png"))
(argument-case "transparent-reference" #:reference-file (string-append folder "transparent.png"))
(argument-case "working-size-too-large" #:reference reference #:working-size 5000)
(let* ((image (gray-target))
       (target (first-layer image)))
  (run-case "own-reference" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                         #:reference target))))
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (other (add-layer image target 0)))
  (run-case "two-drawables" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target other)
                         #:reference reference))))
(let* ((image (gray-target))
       (target (first-layer image))
       (channel (car (gimp-channel-new image "Channel" 150 110 50 "red"))))
  (gimp-image-insert-channel image channel 0 0)
  (run-case "a-channel" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector channel)
                         #:reference reference))))

(open-facts "all")
(fact "finished" "yes")
(close-output-port facts-port)
