; SPDX-License-Identifier: GPL-3.0-or-later
;
; Runs under circumstances of their own, in one process of GIMP: before each run the plug-in's wrapper
; (write_wrapper() of test_faults.cpp) reads the shell commands in FOLDER/circumstances.

(load (string-append script-folder "helpers.scm"))

(define (set-circumstances commands)
  (let ((port (open-output-file (string-append folder "circumstances"))))
    (display commands port)
    (newline port)
    (close-output-port port)))

(define gray (open-picture "gray.png"))
(define colors (first-layer (open-picture "colors.png")))

(define (fault-case name commands image . arguments)
  (let ((target (first-layer image)))
    (set-circumstances commands)
    (run-case name image target
      (lambda ()
        (apply plug-in-chromatch
          (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector target) #:reference colors)
                  arguments))))
    (set-circumstances "")))

(define (gray-case name commands . arguments)
  (apply fault-case name commands (car (gimp-image-duplicate gray)) #:working-size 64 arguments))

; Damaged weights, each in a folder of its own.
(for-each
  (lambda (name) (gray-case name (string-append "export CHROMATCH_MODELS=" folder name)))
  '("weights-missing" "weights-cut" "weights-empty" "weights-flipped" "weights-of-another-version"))

(gray-case "no-device" "export CUDA_VISIBLE_DEVICES= CHROMATCH_CUDA_MODULE=/nowhere" #:device "cuda")
(gray-case "automatic-device" "export CUDA_VISIBLE_DEVICES= CHROMATCH_CUDA_MODULE=/nowhere" #:device "auto")

; The folder of the suggestions' cache cannot be made.
(let ((image (car (gimp-image-duplicate gray)))
      (files '()))
  (set-circumstances "export XDG_CACHE_HOME=/proc/nowhere")
  (open-facts "no-cache")
  (fact "error"
        (message-of
          (lambda ()
            (set! files (car (plug-in-chromatch-suggest #:run-mode RUN-NONINTERACTIVE #:image image
                                                        #:drawables (vector (first-layer image))
                                                        #:folder (string-append folder "photos")))))))
  (fact "count" (length files))
  (close-output-port facts-port))

; Limits of address space in MiB, from too little for the engine's libraries upwards.
(define (limit-case mebibytes)
  (let ((image (car (gimp-image-duplicate gray)))
        (name (string-append "memory-" (number->string mebibytes))))
    (gimp-image-scale image 1400 1024)
    (fault-case name (string-append "ulimit -v " (number->string (* 1024 mebibytes))) image #:working-size 1024)))
(for-each limit-case '(200 440 680 920 1160 1400 1640 8000))

(open-facts "all-faults")
(fact "finished" "yes")
(close-output-port facts-port)
