// SPDX-License-Identifier: GPL-3.0-or-later
//
// GIMP's drawables <-> the engine's planes. babl converts between each drawable's own profile and precision and linear
// sRGB floats; the engine's own functions go from there to CIELAB (D65), because babl's "CIE Lab" is D50.
#pragma once

#include "chromatch.h"
#include "engine_functions.h"

#include <libgimp/gimp.h>

namespace chromatch::plugin {

/// What of the target's pixels survives into the new layer.
struct TargetPixels {
    Plane luminance; ///< L as it is: a float image may lie outside [0, 100]
    Plane alpha;     ///< empty where the drawable has no alpha channel
};

TargetPixels read_target(GimpDrawable* drawable, const EngineFunctions& engine);

/// The luminance and mask that the engine asks for: L in [0, 100], and no work where nothing can be seen.
void fill_request(const TargetPixels& target, Request& request);

/// A drawable's Lab. Its mask is its alpha, or empty where the drawable is opaque.
Reference read_reference(GimpDrawable* drawable, const EngineFunctions& engine);

/// Multiplies the mask of a picture with a channel (a layer mask, a selection) whose top left corner
/// lies at (x, y) of the picture; beyond the channel nothing is left. An empty mask counts as 1 everywhere.
void limit_mask(Plane& mask, const Plane& picture, GimpChannel* channel, int x, int y);

/// The layer's mask; null where it has none, and where it is switched off and hides nothing.
GimpLayerMask* applied_mask(GimpLayer* layer);

/// Multiplies the mask of the target's picture with the target's own layer mask and with the selection of its image.
void limit_to_colored_part(Plane& mask, const Plane& picture, GimpLayer* target);

/// Writes a plane into a mask of the same size.
void write_mask(GimpLayerMask* mask, const Plane& plane);

/// True where no pixel of the picture may be used.
bool is_transparent(const Reference& picture);

/// Writes the target's own luminance and alpha with the chroma (a, b) into a drawable of the same size.
void write_colors(GimpDrawable* drawable, const TargetPixels& target, const Plane& a, const Plane& b,
                  const EngineFunctions& engine);

} // namespace chromatch::plugin
