; SPDX-License-Identifier: GPL-3.0-or-later
;
; The script that colors folders, and the examples of the manual, in one process of GIMP.

(load (string-append script-folder "helpers.scm"))

; What the script reports, instead of on GIMP's error console.
(define last-message "")
(define (gimp-message text) (set! last-message text))

(define (in-folder name) (string-append folder name))
(define scans (in-folder "scans"))

; Writes down what a batch says, and whether it leaves images open.
(define (batch-case name . arguments)
  (let ((images-before (vector-length (car (gimp-get-images)))))
    (open-facts name)
    (set! last-message "")
    (fact "error" (message-of (lambda () (apply script-fu-chromatch-folder arguments))))
    (fact "report" last-message)
    (fact "images-left" (- (vector-length (car (gimp-get-images))) images-before))
    (close-output-port facts-port)))

(define (reference-case name . settings)
  (apply batch-case (append (list name scans 'reference (in-folder "warm.png") 'working-size 64) settings)))

(reference-case "batch")
(reference-case "batch-again")
; A folder of one scan is enough for the rest.
(define one-scan (in-folder "one-scan"))
(define warm (in-folder "warm.png"))
(batch-case "batch-jpg" one-scan 'reference warm 'output (in-folder "jpg") 'format "jpg" 'strength 0.5 'working-size 64)
(batch-case "batch-automatic" one-scan 'output (in-folder "automatic") 'working-size 64)
(batch-case "batch-into-scans" one-scan 'output one-scan)
; As the dialog calls it.
(batch-case "batch-numbered" one-scan warm (in-folder "numbered") 2 1.0 64)

; Scans of one name, and one that is called as the result of another would be.
(define same-names (in-folder "same-names"))
(batch-case "same-names" same-names 'reference warm 'working-size 64)
(batch-case "same-names-again" same-names 'reference warm 'working-size 64)
(define other-name (in-folder "scans/../same-names/"))
(define (into-scans name)
  (batch-case name same-names 'reference warm 'working-size 64 'format "jpg" 'output other-name))
(into-scans "same-names-into-scans")
(into-scans "same-names-into-scans-again")

; A photo that a camera stored lying on its side. The result must not be turned once more.
(batch-case "turned" (in-folder "turned") 'reference warm 'working-size 64)
(open-facts "turned-result")
(let ((result (open-picture "turned/colorized/turned.png")))
  (gimp-image-policy-rotate result FALSE)
  (fact "width" (car (gimp-image-get-width result))))
(close-output-port facts-port)

; A disk that is full in the middle of a result, then one that is not; then a batch that was ended there.
(define (unfinished-case name)
  (batch-case name one-scan 'reference warm 'output (in-folder "unfinished") 'working-size 64))
(define (write-half file)
  (let ((port (open-output-file file)))
    (display "half a picture" port)
    (close-output-port port)))
(define usual-export chromatch-folder-export)
(define (chromatch-folder-export image file format)
  (write-half file)
  (*error-hook* "The disk is full."))
(unfinished-case "full-disk")
(define chromatch-folder-export usual-export)
(open-facts "full-disk-left")
(fact "result" (file-exists? (in-folder "unfinished/one.png")))
(fact "mark" (file-exists? (in-folder "unfinished/.one.png.part")))
(close-output-port facts-port)
(write-half (in-folder "unfinished/one.png"))
(unfinished-case "half-a-file-of-others")
(write-half (in-folder "unfinished/.one.png.part"))
(unfinished-case "ended-batch")

(batch-case "no-scans" (in-folder "nowhere"))
(batch-case "nothing-chosen" "" "" "" 0 1.0 256)
(batch-case "no-reference" scans 'reference (in-folder "nowhere.png"))
(reference-case "output-cannot-be-made" 'output "/proc/chromatch")
(reference-case "output-cannot-be-written" 'output "/proc")
(reference-case "output-is-a-file" 'output (in-folder "gray.png"))
(reference-case "strange-format" 'format "doc")
(reference-case "strange-setting" 'colour "red")
(batch-case "setting-without-name" scans (in-folder "warm.png"))

; The manual's examples.
(define (layer-of name) (first-layer (open-picture name)))
(define image (open-picture "gray.png"))
(gimp-image-convert-rgb image)
(define layer (first-layer image))
(define reference-layer (layer-of "colors.png"))
(define summer (layer-of "left.png"))
(define autumn (layer-of "right.png"))
(define reference-group
  (let* ((colors (open-picture "colors.png"))
         (group (car (gimp-group-layer-new colors "Photos"))))
    (gimp-image-insert-layer colors group 0 0)
    (add-layer colors summer group)
    (add-layer colors autumn group)
    group))
(define hints-layer (add-layer image (layer-of "stroke.png") 0))

(dir-make (in-folder "photos"))
(define (write-as name . files)
  (for-each (lambda (file) (gimp-file-save RUN-NONINTERACTIVE (open-picture name) (in-folder file) -1)) files))
(write-as "left.png" "photos/summer.jpg")
(write-as "right.png" "photos/autumn.jpg")

(load (in-folder "manual_examples.scm"))
(open-facts "manual")
(fact "layers-before" (layer-count image))
(fact "error" (message-of manual-examples))
(fact "layers" (layer-count image))
(close-output-port facts-port)

; Pictures for the manual's commands.
(dir-make (in-folder "shell"))
(dir-make (in-folder "shell/scans"))
(dir-make (in-folder "shell/colored"))
(write-as "gray.png" "shell/old.png" "shell/scans/one.tif")
(write-as "colors.png" "shell/new.jpg" "shell/other.jpg" "shell/reference.jpg")
(let* ((strokes (car (gimp-image-new 150 110 RGB)))
       (stroke (add-layer strokes (layer-of "stroke.png") 0)))
  (gimp-layer-resize-to-image-size stroke)
  (gimp-file-save RUN-NONINTERACTIVE strokes (in-folder "shell/strokes.png") -1))

(open-facts "scripts")
(fact "finished" "yes")
(close-output-port facts-port)
