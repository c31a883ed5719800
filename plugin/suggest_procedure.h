// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimp.h>

namespace chromatch::plugin {

/// The procedure that names the photos of a folder that suit a layer as references, for scripts: no menu entry.
GimpProcedure* create_suggest_procedure(GimpPlugIn* plugin);

} // namespace chromatch::plugin
