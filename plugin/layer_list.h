// SPDX-License-Identifier: GPL-3.0-or-later
//
// Lists of layers, for the dialogs. libgimp's own one asks for thumbnails in a way that fails for images of more than 8
// bits (GIMP 3.0.4), and names layers by their numbers.
#pragma once

#include "glib_pointer.h"

#include <libgimp/gimpui.h>

namespace chromatch::plugin {

/// A GimpIntComboBox whose values are the ids of the layers of all open images, without the target's.
GtkWidget* new_layer_list(GimpLayer* target);

/// No layer's id.
constexpr int no_layer = 0;

/// The same with no_layer first, then the layers of the target's image that have an alpha channel, so that hints can be
/// painted on them.
GtkWidget* new_hints_list(GimpLayer* target);

} // namespace chromatch::plugin
