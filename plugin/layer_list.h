// SPDX-License-Identifier: GPL-3.0-or-later
//
// A list of the layers of all open images, for the dialog. libgimp's own one asks for thumbnails in a way that fails
// for images of more than 8 bits (GIMP 3.0.4), and names layers by their numbers.
#pragma once

#include "glib_pointer.h"

#include <libgimp/gimpui.h>

namespace chromatch::plugin {

/// A GimpIntComboBox whose values are the ids of the layers, without the target's.
GtkWidget* new_layer_list(GimpLayer* target);

/// A small picture of the drawable in sRGB, at most side x side pixels; null where GIMP gives none.
ObjectPointer<GdkPixbuf> new_thumbnail(GimpDrawable* drawable, int side);

} // namespace chromatch::plugin
