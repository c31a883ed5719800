// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "settings.h"

#include <libgimp/gimpui.h>

#include <string>
#include <vector>

namespace chromatch::plugin {

/// Lets the user choose among the photos of a folder that suit the target best. Returns their paths, none where the
/// dialog was dismissed. The folder is kept in the configuration as "photo-folder".
std::vector<std::string> run_suggestion_dialog(GtkWindow* parent, GimpProcedureConfig* config,
                                               GimpLayer* target) noexcept;

} // namespace chromatch::plugin
