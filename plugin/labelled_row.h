// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimpui.h>

namespace chromatch::plugin {

/// A box with an argument's label before a control of our own for it; the argument's description is the tooltip. More
/// may be packed behind the control.
GtkWidget* new_labelled_row(GimpProcedureConfig* config, const char* argument, GtkWidget* control);

} // namespace chromatch::plugin
