// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"

namespace chromatch {

/// Resizes with a triangle filter, widened when shrinking so that it averages (no aliasing); pixel centres at .5,
/// edges extended. Any sizes from 1 on. Deterministic.
Plane resize(const Plane& source, int height, int width);

} // namespace chromatch
