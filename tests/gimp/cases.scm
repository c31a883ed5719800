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

; A selection and a layer mask that leave nothing of the layer.
(define (nothing-left-case name layers-part)
  (let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
         (target (first-layer image)))
    (gimp-item-set-name target "gray.png")
    (layers-part image target)
    (run-case name image target (lambda () (colorize image target)))))
(nothing-left-case "selected-beside-the-layer"
  (lambda (image target)
    (gimp-layer-set-offsets target 60 0)
    (gimp-context-push)
    (gimp-context-set-feather FALSE)
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 60 110)
    (gimp-context-pop)))
(nothing-left-case "black-mask"
  (lambda (image target)
    (gimp-layer-add-mask target (car (gimp-layer-create-mask target ADD-MASK-BLACK)))))

; Automatic colours, a procedure of their own.
(define (automatic-case name image target . arguments)
  (run-case name image target
    (lambda ()
      (apply plug-in-chromatch-automatic
        (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:working-size 64)
                arguments)))))
(let ((image (gray-target)))
  (automatic-case "automatic-procedure" image (first-layer image)))
(let ((image (gray-target)))
  (automatic-case "automatic-chroma-layer" image (first-layer image) #:output "chroma-layer" #:strength 1.5))
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (other (add-layer image target 0)))
  (run-case "automatic-two-drawables" image target
    (lambda ()
      (plug-in-chromatch-automatic #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target other)))))

; Painted hints. They lie on a layer above the target, which is smaller and elsewhere.
(define (add-hints image photo parent x y)
  (let ((layer (add-layer image (first-layer (open-picture photo)) parent)))
    (gimp-item-set-name layer photo)
    (gimp-layer-set-offsets layer x y)
    layer))

; The hints before and after are pictures of their own.
(define (hints-case name image target hints . arguments)
  (let ((row (new-row hints 2)))
    (gimp-item-set-name target "gray.png")
    (put-into-row row hints 0)
    (apply automatic-case (append (list name image target #:hints hints) arguments))
    (put-into-row row hints 1)
    (write-row row (string-append name "-layer"))))

(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image)))
  (hints-case "hints" image target (add-hints image "stroke.png" 0 40 30)))
(let* ((image (rgb-target PRECISION-U16-NON-LINEAR))
       (target (first-layer image))
       (hints (add-hints image "stroke.png" 0 40 30)))
  (run-case "hints-with-reference" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target)
                         #:reference (first-layer (open-picture "halves.png")) #:hints hints #:working-size 64))))
; The target's left edge is at 25, so the hints' left part lies beside it.
(let* ((image (rgb-target PRECISION-FLOAT-LINEAR))
       (target (first-layer image)))
  (gimp-layer-set-offsets target 25 -17)
  (hints-case "hints-with-offsets" image target (add-hints image "stroke.png" 0 5 20)))
(let* ((image (open-picture "wide-target.png"))
       (target (first-layer image)))
  (hints-case "hints-with-profile" image target (add-hints image "stroke.png" 0 40 30)))
; A group of two strokes, invisible.
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (group (car (gimp-group-layer-new image "Strokes"))))
  (gimp-image-insert-layer image group 0 0)
  (add-hints image "stroke.png" group 5 5)
  (add-hints image "stroke.png" group 85 55)
  (gimp-item-set-visible group FALSE)
  (hints-case "hints-in-a-group" image target group))

; Hints that are none.
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image)))
  (hints-case "transparent-hints" image target (add-hints image "transparent.png" 0 10 10)))
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image)))
  (hints-case "hints-elsewhere" image target (add-hints image "stroke.png" 0 150 0)))
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (hints (add-hints image "stroke.png" 0 40 30)))
  (gimp-layer-add-mask hints (car (gimp-layer-create-mask hints ADD-MASK-BLACK)))
  (hints-case "hidden-hints" image target hints))
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (hints (add-hints image "stroke.png" 0 40 30)))
  (gimp-layer-flatten hints)
  (gimp-item-set-name hints "Strokes on paper")
  (hints-case "opaque-hints" image target hints))
(let* ((image (gray-target))
       (target (first-layer image)))
  (hints-case "own-hints" image target target))
(let* ((image (gray-target))
       (other (rgb-target PRECISION-U8-NON-LINEAR)))
  (hints-case "foreign-hints" image (first-layer image) (add-hints other "stroke.png" 0 40 30)))

; Parts of a reference: the left half is orange, the right half is blue.
(define (part-case name change . arguments)
  (let* ((image (gray-target))
         (target (first-layer image))
         (halves (open-picture "halves.png")))
    (gimp-item-set-name (first-layer halves) "halves.png")
    (change halves (first-layer halves))
    (run-case name image target
      (lambda ()
        (apply plug-in-chromatch
          (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:working-size 64
                        #:reference (first-layer halves) #:insist TRUE)
                  arguments))))))
(define (mask-right-half halves layer)
  (gimp-image-select-rectangle halves CHANNEL-OP-REPLACE 75 0 75 110)
  (gimp-layer-add-mask layer (car (gimp-layer-create-mask layer ADD-MASK-SELECTION)))
  (gimp-selection-none halves))
(part-case "whole-reference" (lambda (halves layer) #t))
; The layer has been moved: the selection is the image's, not the layer's.
(part-case "selected-reference"
  (lambda (halves layer)
    (gimp-layer-set-offsets layer -60 10)
    (gimp-image-select-rectangle halves CHANNEL-OP-REPLACE 15 0 75 110)))
(part-case "masked-reference" mask-right-half)
(part-case "disabled-mask-reference"
  (lambda (halves layer)
    (mask-right-half halves layer)
    (gimp-layer-set-apply-mask layer FALSE)))
(part-case "nothing-selected"
  (lambda (halves layer)
    (gimp-layer-set-offsets layer 100 0)
    (gimp-image-select-rectangle halves CHANNEL-OP-REPLACE 0 0 75 110)))
(part-case "everything-masked"
  (lambda (halves layer) (gimp-layer-add-mask layer (car (gimp-layer-create-mask layer ADD-MASK-BLACK)))))
; In the target's own image the selection is the target's.
(let* ((image (rgb-target PRECISION-U8-NON-LINEAR))
       (target (first-layer image))
       (layer (add-layer image (first-layer (open-picture "halves.png")) 0)))
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 75 0 75 110)
  (run-case "own-image-reference" image target
    (lambda ()
      (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:working-size 64
                         #:reference layer #:insist TRUE))))

; Several references: the target's left half in orange, its right half in blue.
(define (open-layer photo)
  (let ((layer (first-layer (open-picture photo))))
    (gimp-item-set-name layer photo)
    layer))
(define left (open-layer "left.png"))
(define right (open-layer "right.png"))
(define warm (open-layer "warm.png"))

; An image with a group of both, and a third layer that is not visible.
(define (new-group)
  (let* ((image (rgb-target PRECISION-U16-NON-LINEAR))
         (group (car (gimp-group-layer-new image "Both halves"))))
    (gimp-image-insert-layer image group 0 0)
    (gimp-item-set-visible (add-layer image warm group) FALSE)
    (gimp-layer-set-offsets (add-layer image right group) 75 0)
    (add-layer image left group)
    group))

(define (several-case name image . arguments)
  (let ((target (first-layer image)))
    (run-case name image target
      (lambda ()
        (apply plug-in-chromatch
          (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:working-size 64)
                  arguments))))))

; What became of the group that a separate run has made.
(define (write-group name image)
  (open-facts (string-append name "-group"))
  (let* ((group (selected-layer image))
         (layers (if (= TRUE (car (gimp-item-is-group group))) (car (gimp-item-get-children group)) (vector))))
    (fact "name" (car (gimp-item-get-name group)))
    (fact "mode" (car (gimp-layer-get-mode group)))
    (fact "count" (vector-length layers))
    (let next ((i 0))
      (if (< i (vector-length layers))
        (let ((layer (vector-ref layers i))
              (prefix (string-append "layer-" (number->string i) "-")))
          (fact (string-append prefix "name") (car (gimp-item-get-name layer)))
          (fact (string-append prefix "mode") (car (gimp-layer-get-mode layer)))
          (fact (string-append prefix "visible") (car (gimp-item-get-visible layer)))
          (fact (string-append prefix "mask") (if (= -1 (car (gimp-layer-get-mask layer))) "no" "yes"))
          (write-place prefix image layer)
          (next (+ i 1)))))
    (close-output-port facts-port)
    (if (< 0 (vector-length layers))
      (let ((row (new-row (vector-ref layers 0) (vector-length layers))))
        (let next ((i 0))
          (if (< i (vector-length layers))
            (begin
              (put-into-row row (vector-ref layers i) i)
              (next (+ i 1)))))
        (write-row row (string-append name "-group"))))))

(define (separate-case name image . arguments)
  (apply several-case (append (list name image #:combination "separate") arguments))
  (write-group name image))

(several-case "two-references" (gray-target) #:references (vector left right))
(several-case "group-of-references" (gray-target) #:reference (new-group) #:each-layer TRUE)
(several-case "group-as-one-picture" (gray-target) #:reference (new-group))
(separate-case "separate-references" (gray-target) #:reference left #:references (vector left right))
(let ((image (rgb-target PRECISION-U8-NON-LINEAR)))
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 20 20 70 60)
  (gimp-layer-set-offsets (first-layer image) 7 9)
  (separate-case "separate-group" image #:reference (new-group) #:each-layer TRUE #:output "chroma-layer"))
(separate-case "separate-of-one" (gray-target) #:references (vector right))

; The same from files.
(define (in-folder name) (string-append folder name))
(several-case "two-files" (gray-target) #:reference-files (list (in-folder "left.png") (in-folder "right.png")))
(several-case "file-and-files" (gray-target) #:reference-file (in-folder "left.png")
              #:reference-files (list (string-append "file://" folder "right.png")))
(separate-case "separate-files" (gray-target) #:reference-file (in-folder "left.png")
               #:reference-files (list (in-folder "left.png") (in-folder "right.png")))
(several-case "layer-before-files" (gray-target) #:reference right #:insist TRUE
              #:reference-files (list (in-folder "missing.png")))
(several-case "missing-file-in-list" (gray-target)
              #:reference-files (list (in-folder "left.png") (in-folder "missing.png")))
(several-case "file-in-list-is-no-image" (gray-target)
              #:reference-files (list (in-folder "left.png") (in-folder "not-an-image.png")))

; Which photos of a folder suit the target.
(define (suggest-case name image arguments)
  (open-facts name)
  (let* ((files '())
         (call (lambda ()
                 (set! files (car (apply plug-in-chromatch-suggest
                                    (append (list #:run-mode RUN-NONINTERACTIVE #:image image
                                                  #:drawables (vector (first-layer image)))
                                            arguments)))))))
    (fact "error" (message-of call))
    (fact "count" (length files))
    (let next ((i 0) (rest files))
      (if (pair? rest)
        (begin
          (fact (number->string i) (car rest))
          (next (+ i 1) (cdr rest)))))
    (fact "layers" (layer-count image)))
  (close-output-port facts-port))
(define (hills)
  (let ((photo (open-picture "hills-target.jpg")))
    (gimp-image-convert-grayscale photo)
    photo))
(suggest-case "suggestions" (hills) (list #:folder (in-folder "photos")))
(suggest-case "suggestions-again" (hills) (list #:folder (in-folder "photos")))
(suggest-case "best-suggestion" (hills) (list #:folder (in-folder "photos") #:count 1))
(suggest-case "suggestions-of-no-folder" (gray-target) (list #:folder (in-folder "nowhere")))
(suggest-case "suggestions-of-no-photo" (gray-target) (list #:folder (in-folder "photos/none")))
(suggest-case "suggestions-without-folder" (gray-target) '())

(let* ((image (gray-target))
       (target (first-layer image)))
  (several-case "own-reference-in-list" image #:references (vector left target)))
(let* ((image (gray-target))
       (group (car (gimp-group-layer-new image "Empty"))))
  (gimp-image-insert-layer image group 0 1)
  (several-case "group-without-layers" image #:reference group #:each-layer TRUE))

; The examples of the user's manual.
(define image (rgb-target PRECISION-U8-NON-LINEAR))
(define layer (first-layer image))
(define reference-layer reference)
(define summer left)
(define autumn right)
(define reference-group (new-group))
(define hints-layer (add-hints image "stroke.png" 0 40 30))
(load (string-append folder "readme_examples.scm"))
(run-case "readme-examples" image layer readme-examples)

(open-facts "all")
(fact "finished" "yes")
(close-output-port facts-port)
