// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a run of the procedure ends when it does not succeed.
#pragma once

#include "chromatch.h"

#include <libgimp/gimp.h>

#include <functional>
#include <string>

namespace chromatch::plugin {

/// Thrown inside the plug-in, caught where the procedure returns to GIMP.
struct Failure {
    GimpPDBStatusType status;
    std::string sentence; ///< translated, names the offending value; empty where the user dismissed the dialog
};

/// A printf-style string.
std::string text(const char* format, ...) G_GNUC_PRINTF(1, 2);

/// The caller gave a value that cannot be used.
[[noreturn]] void bad_argument(std::string sentence);

/// The arguments were right, but the work could not be done.
[[noreturn]] void failed(std::string sentence);

/// Runs the work of a procedure and returns its values, or what its Failure says. GIMP calls procedures from C: no
/// exception may leave.
GimpValueArray* run_guarded(GimpProcedure* procedure, const std::function<GimpValueArray*()>& work) noexcept;

/// What the exception that is being handled means for the user. To be called in a catch block, where no exception may
/// go on: in what GTK or GIMP calls, and at the end of a thread.
Failure caught_failure() noexcept;

/// The engine's error in the user's language.
Failure failure_of(const Error& error, const std::string& models_folder);

} // namespace chromatch::plugin
