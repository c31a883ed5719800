; SPDX-License-Identifier: GPL-3.0-or-later
;
; Batch Colorize Folder: colors every picture of a folder with the plug-in. From a shell, without a window:
;
;   gimp-console -idf --batch-interpreter=plug-in-script-fu-eval --quit \
;     -b "(script-fu-chromatch-folder \"/home/me/scans\" 'reference \"/home/me/reference.jpg\")"
;
; The settings, each with its name, in any order, all of them optional: 'reference and 'output (files' names), 'format
; ("png", "jpg" or "tif"), 'strength and 'working-size. Names with #: do not work here: in a batch GIMP calls a script of
; its scripts folder as a function, not as a procedure.
;
; A picture that cannot be read or colored is named at the end and does not stop the others. No file is ever overwritten,
; neither a scan nor a result: where the result's file is there already, its scan is left alone and named, so that a batch
; which was interrupted can simply be started again. A result that was being written then is known by the empty file
; .RESULT.part beside it, and is written anew.
;
; A result has its scan's name with the ending of its format. Where that would be the name of two results, as with scan.jpg
; and scan.tif, it is added to the scan's own ending: scan.jpg.png, scan.tif.png.

; By these a picture is known. What else lies in the folder is no picture and is not tried.
(define chromatch-folder-endings
  '("png" "jpg" "jpeg" "jpe" "tif" "tiff" "webp" "bmp" "gif" "psd" "xcf" "pgm" "ppm" "pnm" "tga" "exr" "heic" "heif"
    "avif" "jxl" "jp2" "j2k"))

; In the order of the dialog's choice.
(define chromatch-folder-formats '("png" "jpg" "tif"))

; A procedure's only value: GIMP's second dialect of Script-Fu puts it into a list, the third does not, and which of them
; is spoken is the caller's choice.
(define (chromatch-folder-value returned)
  (if (pair? returned) (car returned) returned))

; The text with its first %s replaced by the value.
(define (chromatch-folder-fill-in text value)
  (let next ((i 0))
    (cond ((>= (+ i 1) (string-length text)) text)
          ((string=? (substring text i (+ i 2)) "%s")
           (string-append (substring text 0 i) value (substring text (+ i 2) (string-length text))))
          (else (next (+ i 1))))))

; Stops with a sentence that names the value. Not by (error), which no caller could catch.
(define (chromatch-folder-stop text value)
  (*error-hook* (chromatch-folder-fill-in text value)))

(define (chromatch-folder-join strings)
  (let next ((all (car strings)) (rest (cdr strings)))
    (if (null? rest) all (next (string-append all ", " (car rest)) (cdr rest)))))

; Where the last dot of the name is, or #f.
(define (chromatch-folder-dot name)
  (let next ((i (- (string-length name) 1)))
    (cond ((< i 1) #f) ; a dot at the beginning hides a file
          ((char=? (string-ref name i) #\.) i)
          (else (next (- i 1))))))

; What follows the last dot, or "".
(define (chromatch-folder-ending name)
  (let ((dot (chromatch-folder-dot name)))
    (if dot (substring name (+ dot 1) (string-length name)) "")))

; Of a picture's name: what precedes the last dot.
(define (chromatch-folder-stem name)
  (substring name 0 (chromatch-folder-dot name)))

(define (chromatch-folder-picture? name)
  (let ((ending (chromatch-folder-ending name)))
    (pair? (member (list->string (map char-downcase (string->list ending))) chromatch-folder-endings))))

(define (chromatch-folder-path folder name)
  (string-append folder DIR-SEPARATOR name))

(define (chromatch-folder-begins-with? name start)
  (let ((length (string-length start)))
    (and (>= (string-length name) length) (string=? (substring name 0 length) start))))

; The name of a scan's result. The files before it, the nearest first, and those after it are in their order, so that all
; which begin as the scan does are its neighbors. In the folder of the scans a picture of that format may be a result
; itself: it counts as its own, and not as another scan.
(define (chromatch-folder-result name before after format into-scans)
  (let* ((stem (chromatch-folder-stem name))
         (may-be-result? (lambda (file) (and into-scans (string=? (chromatch-folder-ending file) format))))
         (is-alike? (lambda (file)
                      (and (chromatch-folder-picture? file)
                           (not (may-be-result? file))
                           (or (string=? file stem) (string=? (chromatch-folder-stem file) stem)))))
         (any-alike? (lambda (files)
                       (let next ((rest files))
                         (and (pair? rest)
                              (chromatch-folder-begins-with? (car rest) stem)
                              (or (is-alike? (car rest)) (next (cdr rest))))))))
    (string-append (if (and (not (may-be-result? name)) (or (any-alike? before) (any-alike? after))) name stem)
                   "." format)))

; Beside a result that is not complete.
(define (chromatch-folder-mark folder result)
  (chromatch-folder-path folder (string-append "." result ".part")))

(define (chromatch-folder-complete? folder result)
  (and (file-exists? (chromatch-folder-path folder result))
       (not (file-exists? (chromatch-folder-mark folder result)))))

; A link to a folder is one, too.
(define (chromatch-folder-folder? path)
  (file-exists? (chromatch-folder-path path ".")))

(define (chromatch-folder-merge first second)
  (let next ((a first) (b second) (merged '()))
    (cond ((null? a) (append (reverse merged) b))
          ((null? b) (append (reverse merged) a))
          ((string<? (car a) (car b)) (next (cdr a) b (cons (car a) merged)))
          (else (next a (cdr b) (cons (car b) merged))))))

(define (chromatch-folder-sort names)
  (if (or (null? names) (null? (cdr names)))
    names
    (let next ((rest names) (one '()) (other '()))
      (if (null? rest)
        (chromatch-folder-merge (chromatch-folder-sort one) (chromatch-folder-sort other))
        (next (cdr rest) other (cons (car rest) one))))))

; The names of the folder's files in their order, without hidden ones.
(define (chromatch-folder-files folder)
  (let ((stream (dir-open-stream folder)))
    (if (not stream)
      (chromatch-folder-stop _"The folder of scans \"%s\" cannot be read." folder))
    (let next ((names '()))
      (let ((name (dir-read-entry stream)))
        (cond ((eof-object? name) (dir-close-stream stream) (chromatch-folder-sort names))
              ((or (char=? (string-ref name 0) #\.) (chromatch-folder-folder? (chromatch-folder-path folder name)))
               (next names))
              (else (next (cons name names))))))))

; What the failing call says, or #f where it succeeds.
(define (chromatch-folder-failure-of call)
  (let* ((usual-hook *error-hook*)
         (failure (call/cc
                    (lambda (return)
                      (set! *error-hook* (lambda (text . more) (return (if (string? text) text _"unknown error"))))
                      (call)
                      #f))))
    (set! *error-hook* usual-hook)
    failure))

; Makes the folder where it is missing, and sees that a file can be written there, before anything is computed. Returns
; whether it is the folder of the scans, whatever the two are called.
(define (chromatch-folder-prepare-output folder scans)
  (if (and (not (file-exists? folder)) (not (dir-make folder)))
    (chromatch-folder-stop _"The output folder \"%s\" cannot be made." folder))
  (let* ((name ".chromatch-folder-probe")
         (probe (chromatch-folder-path folder name))
         (port (and (chromatch-folder-folder? folder) (open-output-file probe))))
    (if (not port)
      (chromatch-folder-stop _"The output folder \"%s\" cannot be written to." folder))
    (close-output-port port)
    (let ((in-scans? (file-exists? (chromatch-folder-path scans name))))
      (file-delete probe)
      (and in-scans? (not (file-exists? (chromatch-folder-path scans name)))))))

; One layer of the image's own size: pages and layers become one picture.
(define (chromatch-folder-one-layer image)
  (let* ((layers (chromatch-folder-value (gimp-image-get-layers image)))
         (layer (if (= 1 (vector-length layers))
                  (vector-ref layers 0)
                  (chromatch-folder-value (gimp-image-merge-visible-layers image CLIP-TO-IMAGE)))))
    (gimp-layer-resize-to-image-size layer)
    layer))

(define (chromatch-folder-colorize image layer reference strength working-size)
  (if (string=? reference "")
    (plug-in-chromatch-automatic #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer)
                                 #:strength strength #:working-size working-size)
    (plug-in-chromatch #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer)
                       #:reference-file reference #:strength strength #:working-size working-size)))

(define (chromatch-folder-images)
  (vector->list (chromatch-folder-value (gimp-get-images))))

; Closes the images without a file that were not there before: what a loader leaves behind of a broken file.
(define (chromatch-folder-close-remains before)
  (for-each
    (lambda (image)
      (if (and (not (memv image before)) (string=? "" (chromatch-folder-value (gimp-image-get-file image))))
        (chromatch-folder-failure-of (lambda () (gimp-image-delete image)))))
    (chromatch-folder-images)))

; With the profile, which (gimp-file-save) leaves out: the colors of a scan in another color space than sRGB would change.
(define (chromatch-folder-export image file format)
  (let ((export (cdr (assoc format (list (cons "png" file-png-export)
                                         (cons "jpg" file-jpeg-export)
                                         (cons "tif" file-tiff-export))))))
    (export #:run-mode RUN-NONINTERACTIVE #:image image #:file file
            #:include-color-profile TRUE #:include-thumbnail FALSE)))

(define (chromatch-folder-delete file)
  (if (file-exists? file)
    (file-delete file)))

; Leaves a complete result or none; where GIMP is ended meanwhile, the mark stays beside what there is.
(define (chromatch-folder-write image result mark format)
  (let ((port (open-output-file mark)))
    (if port (close-output-port port)))
  (let ((failure (chromatch-folder-failure-of (lambda () (chromatch-folder-export image result format)))))
    (if failure (chromatch-folder-delete result))
    (chromatch-folder-delete mark)
    (if failure (*error-hook* failure))))

; From a scan to its result. The image is closed whatever happens. Returns what failed, or #f.
(define (chromatch-folder-one-scan scan result mark format reference strength working-size)
  (let* ((image #f)
         (before (chromatch-folder-images))
         (failure
           (chromatch-folder-failure-of
             (lambda ()
               (set! image (chromatch-folder-value (gimp-file-load RUN-NONINTERACTIVE scan)))
               ; What a camera stored lying on its side; the user's preference decides, as for what GIMP opens.
               (gimp-image-policy-rotate image FALSE)
               (let ((layer (chromatch-folder-one-layer image)))
                 (chromatch-folder-colorize image layer reference strength working-size)
                 ; The result has the scan's transparency; above the scan that would count twice.
                 (gimp-image-remove-layer image layer)
                 (chromatch-folder-write image result mark format))))))
    (if image (gimp-image-delete image) (chromatch-folder-close-remains before))
    failure))

(define (chromatch-folder-list text names)
  (if (null? names) "" (chromatch-folder-fill-in text (chromatch-folder-join (reverse names)))))

(define (chromatch-folder-report colored tried output failed kept others)
  (let* ((text (chromatch-folder-fill-in _"Pictures colored: %s of %s, in \"%s\"" (number->string colored)))
         (text (chromatch-folder-fill-in text (number->string tried)))
         (text (chromatch-folder-fill-in text output)))
    (gimp-message (string-append
                    text
                    (chromatch-folder-list _"; failed: %s" failed)
                    (chromatch-folder-list _"; left alone, because their results are there already: %s" kept)
                    (chromatch-folder-list _"; no pictures: %s" others)
                    "."))))

(define (chromatch-folder-run scans reference output format strength working-size)
  (if (string=? scans "")
    (*error-hook* _"No folder of scans is chosen."))
  (if (not (chromatch-folder-folder? scans))
    (chromatch-folder-stop _"The folder of scans \"%s\" does not exist." scans))
  (if (and (not (string=? reference "")) (not (file-exists? reference)))
    (chromatch-folder-stop _"The reference file \"%s\" does not exist." reference))
  (if (not (member format chromatch-folder-formats))
    (chromatch-folder-stop _"The format \"%s\" is none of png, jpg and tif." format))
  (let* ((into-scans (chromatch-folder-prepare-output output scans))
         (files (chromatch-folder-files scans))
         (color (lambda (name result)
                  (gimp-progress-set-text (chromatch-folder-fill-in _"Coloring \"%s\"" name))
                  (chromatch-folder-one-scan (chromatch-folder-path scans name)
                                             (chromatch-folder-path output result)
                                             (chromatch-folder-mark output result)
                                             format reference strength working-size))))
    (let next ((before '()) (rest files) (colored 0) (tried 0) (failed '()) (kept '()) (others '()))
      (if (null? rest)
        (chromatch-folder-report colored tried output failed kept others)
        (let* ((name (car rest))
               (picture? (chromatch-folder-picture? name))
               (result (and picture? (chromatch-folder-result name before (cdr rest) format into-scans)))
               (complete? (and picture? (chromatch-folder-complete? output result)))
               (failure (and picture? (not complete?) (color name result)))
               (go-on (lambda results (apply next (cons name before) (cdr rest) results))))
          (cond
            ((not picture?)
             (go-on colored tried failed kept (cons name others)))
            (complete?
             (go-on colored (+ tried 1) failed (cons name kept) others))
            (failure
             (go-on colored (+ tried 1) (cons (string-append name " (" failure ")") failed) kept others))
            (else
             (go-on (+ colored 1) (+ tried 1) failed kept others))))))))

(define chromatch-folder-defaults
  '((reference . "") (output . "") (format . "png") (strength . 1) (working-size . 256)))

; 'name value 'name value ... as a list of pairs like the defaults.
(define (chromatch-folder-named settings)
  (cond ((null? settings) '())
        ((or (not (symbol? (car settings))) (null? (cdr settings)))
         (*error-hook* _"Settings are given as a name and a value, as in: 'format \"jpg\"."))
        ((not (assq (car settings) chromatch-folder-defaults))
         (chromatch-folder-stop _"There is no setting \"%s\"." (symbol->string (car settings))))
        (else (cons (cons (car settings) (cadr settings)) (chromatch-folder-named (cddr settings))))))

; As the dialog gives them: the format is the number of its entry.
(define (chromatch-folder-numbered settings)
  (list (cons 'reference (car settings))
        (cons 'output (cadr settings))
        (cons 'format (list-ref chromatch-folder-formats (caddr settings)))
        (cons 'strength (cadddr settings))
        (cons 'working-size (car (cddddr settings)))))

(define (script-fu-chromatch-folder scans . settings)
  (if (not (string? scans))
    (*error-hook* _"The folder of scans comes first, then settings as a name and a value, as in: 'format \"jpg\"."))
  (let* ((given (if (and (= 5 (length settings)) (string? (car settings)))
                  (chromatch-folder-numbered settings)
                  (chromatch-folder-named settings)))
         (setting (lambda (name) (cdr (or (assq name given) (assq name chromatch-folder-defaults)))))
         (output (setting 'output)))
    (chromatch-folder-run scans (setting 'reference)
                          (if (string=? output "") (chromatch-folder-path scans "colorized") output)
                          (setting 'format) (setting 'strength) (setting 'working-size))))

; GIMP looks for the words of such scripts in its own catalogue only, so they stay English where they are not in there.
(script-fu-register-procedure "script-fu-chromatch-folder"
  _"Batch Colorize _Folder..."
  _"Color every picture of a folder with the colors of a reference photo, or with guessed colors"
  "The Chromatch developers"
  "2025"
  SF-DIRNAME    _"_Folder of scans" ""
  SF-FILENAME   _"Reference f_ile (none: guessed colors)" ""
  SF-DIRNAME    _"Output fol_der (none: \"colorized\" in the folder of scans)" ""
  SF-OPTION     _"File for_mat" '("PNG" "JPEG" "TIFF")
  SF-ADJUSTMENT _"S_trength" '(1 0 2 0.05 0.1 2 1)
  SF-ADJUSTMENT _"_Working size" '(256 64 1024 1 32 0 1))

(script-fu-menu-register "script-fu-chromatch-folder" "<Image>/Filters")
