// SPDX-License-Identifier: GPL-3.0-or-later
//
// The procedure's arguments.
#pragma once

#include "chromatch.h"
#include "glib_pointer.h"

#include <libgimp/gimp.h>

namespace chromatch::plugin {

enum class Output {
    new_layer,
    chroma_layer, ///< in LCh Color mode: lightness always comes from below
};

/// Which of the reference arguments counts.
enum class ReferenceSource {
    given, ///< the drawable if there is one, else the file if there is one, else none: what scripts say
    layer,
    file,
    none, ///< automatic colours
};

struct Settings {
    /// At most one of the two is set.
    ObjectPointer<GimpDrawable> reference;
    ObjectPointer<GFile> reference_file;
    Output output = Output::new_layer;
    Options options;
};

/// Adds the arguments to the procedure.
void add_arguments(GimpProcedure* procedure);

ReferenceSource reference_source(GimpProcedureConfig* config);

/// Throws Failure where the last run's layer is asked for and is gone.
Settings read_settings(GimpProcedureConfig* config, GimpRunMode run_mode);

/// A layer is not saved with the other arguments, since it means nothing in another session of GIMP. Within the session
/// it is kept here, for "Repeat" and for the next dialog. Null forgets.
void remember_reference(GimpDrawable* drawable);

/// The remembered drawable if it still exists, else null. libgimp owns it.
GimpDrawable* remembered_reference();

} // namespace chromatch::plugin
