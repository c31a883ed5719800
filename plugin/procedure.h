// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimp.h>

namespace chromatch::plugin {

constexpr const char* procedure_name = "plug-in-chromatch";

/// The procedure with its menu entries, words and arguments.
GimpProcedure* create_procedure(GimpPlugIn* plugin);

} // namespace chromatch::plugin
