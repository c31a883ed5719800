// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "settings.h"

namespace chromatch::plugin {

/// Lets the user choose the task's arguments. False where the dialog was dismissed.
bool run_dialog(GimpProcedure* procedure, GimpProcedureConfig* config, Task task, GimpLayer* target);

} // namespace chromatch::plugin
