// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pixels.h"
#include "settings.h"

#include <string>

namespace chromatch::plugin {

/// Puts the colours into a new layer directly above the target, in one undo step. A gray or indexed image becomes RGB
/// in the same step. Everything that can reasonably fail has been done before: this is the only place that changes the
/// image. Throws Failure.
void add_color_layer(GimpImage* image, GimpLayer* target, const TargetPixels& pixels, const Result& colors,
                     const std::string& name, Output output, const EngineFunctions& engine);

} // namespace chromatch::plugin
