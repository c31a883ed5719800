// SPDX-License-Identifier: GPL-3.0-or-later
//
// The procedures' arguments.
#pragma once

#include "chromatch.h"
#include "glib_pointer.h"

#include <libgimp/gimp.h>

#include <vector>

namespace chromatch::plugin {

/// What the plug-in offers: one procedure each.
enum class Task {
    from_reference,
    automatic, ///< no reference, so none of the arguments about it
};

enum class Output {
    new_layer,
    chroma_layer, ///< in LCh Color mode: lightness always comes from below
};

/// What several references give.
enum class Combination {
    blend,    ///< one layer; each place takes the reference that fits it best
    separate, ///< a layer for each reference, in a group
};

/// Which of the reference arguments counts.
enum class ReferenceSource {
    given, ///< the drawables if there are any, else the files if there are any, else none: what scripts say
    layer,
    file, ///< the files
    none, ///< automatic colours
};

struct Settings {
    /// At most one of the two holds something. Groups stand for themselves here, whatever each_layer says.
    std::vector<ObjectPointer<GimpDrawable>> references;
    std::vector<ObjectPointer<GFile>> reference_files; ///< "reference-file", then "reference-files"; none of them twice
    bool each_layer = false;                           ///< a group's layers are references of their own
    Combination combination = Combination::blend;
    ObjectPointer<GimpDrawable> hints; ///< null: none
    Output output = Output::new_layer;
    Options options;
};

/// Adds the task's arguments to its procedure.
void add_arguments(GimpProcedure* procedure, Task task);

ReferenceSource reference_source(GimpProcedureConfig* config);

/// The file of "reference-file" and those of "reference-files", none of them twice.
std::vector<ObjectPointer<GFile>> given_files(GimpProcedureConfig* config);

/// Throws Failure where the last run's layer is asked for and is gone.
Settings read_settings(GimpProcedureConfig* config, Task task, GimpRunMode run_mode, GimpImage* image);

// A layer is not saved with the other arguments, since it means nothing in another session of GIMP. Within the session
// it is kept here, for "Repeat" and for the next dialog.

/// Keeps what the dialog has chosen; what was not chosen is forgotten.
void remember_layers(const Settings& settings, Task task);

/// The remembered drawable if it still exists, else null. libgimp owns it.
GimpDrawable* remembered_reference();

/// The remembered hints if they still exist and lie in this image, else null: painted hints fit no other picture.
GimpDrawable* remembered_hints(GimpImage* image);

} // namespace chromatch::plugin
