// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"
#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// Gives places whose colours were guessed the colours of known places that look like them, so that one meadow has one
/// green although the reference matched half of it, and a painted hint serves all leaves: attention over the target's
/// own features, weighted by luminance and distance as well (non-local means: Buades, Coll and Morel, "A non-local
/// algorithm for image denoising", CVPR 2005; luminance as in Levin, Lischinski and Weiss, "Colorization using
/// optimization", SIGGRAPH 2004). What is trusted keeps its colours; a guess gives way the more, the more is known
/// around it and the more alike that is.
///
/// features: match features of the target at any size, each pixel of length 1. luminance: L, [0, 100], at any size.
/// trust: [0, 1], how far a pixel keeps its colours. source: [0, 1], how far its colours serve others. a, b: chroma in
/// Lab units, changed in place. trust, source, a and b are of one size.
void spread_chroma(const FeatureMap& features, const Plane& luminance, const Plane& trust, const Plane& source,
                   Plane& a, Plane& b);

} // namespace chromatch
