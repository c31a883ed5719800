// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "settings.h"

#include <memory>

namespace chromatch::plugin {

struct DialogResult {
    bool accepted = false;                ///< false where the dialog was dismissed
    std::unique_ptr<Colorizer> colorizer; ///< the preview's, which remembers what it has seen; null where there is none
};

/// Lets the user choose the task's arguments.
DialogResult run_dialog(GimpProcedure* procedure, GimpProcedureConfig* config, Task task, GimpLayer* target);

} // namespace chromatch::plugin
