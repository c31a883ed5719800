// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimp.h>

namespace chromatch::plugin {

constexpr const char* procedure_name = "plug-in-chromatch";
constexpr const char* automatic_procedure_name = "plug-in-chromatch-automatic";
constexpr const char* suggest_procedure_name = "plug-in-chromatch-suggest";

/// The one layer among a procedure's drawables. Throws Failure.
GimpLayer* check_target(GimpImage* image, GimpDrawable** drawables);

/// The procedure of that name with its menu entries, words and arguments; null where the name is none of ours.
GimpProcedure* create_procedure(GimpPlugIn* plugin, const char* name);

} // namespace chromatch::plugin
