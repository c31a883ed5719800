// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pixels.h"
#include "settings.h"

#include <string>
#include <vector>

namespace chromatch::plugin {

/// What a new layer shows besides the target's own light, and its name.
struct LayerColors {
    std::string name;
    Plane a;
    Plane b;
};

/// The part of the target that is colored: what can be seen of it (the request's mask), within its own layer mask and
/// the selection. Throws Failure where these leave nothing of it: nobody would see the new layer.
Plane colored_part(const Request& request, GimpLayer* target);

/// Puts the colours into a new layer directly above the target, in one undo step. It hides what the target's own layer
/// mask hides, and what is not selected. Several go into a layer group, the
/// first on top; only that one is visible. A gray or indexed image becomes RGB in the same step. Everything that can
/// reasonably fail has been done before: this is the only place that changes the image. Throws Failure.
void add_color_layers(GimpImage* image, GimpLayer* target, const TargetPixels& pixels,
                      const std::vector<LayerColors>& results, Output output, const EngineFunctions& engine);

} // namespace chromatch::plugin
