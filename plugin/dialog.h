// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimp.h>

namespace chromatch::plugin {

/// Lets the user choose the arguments. False where the dialog was dismissed.
bool run_dialog(GimpProcedure* procedure, GimpProcedureConfig* config, GimpLayer* target);

} // namespace chromatch::plugin
