// SPDX-License-Identifier: GPL-3.0-or-later
//
// The baseline that the trained colorization network must beat: "propagation", the same matcher on the same features
// without anything learnt from colours. The voted warp of the reference's chroma counts where the match looks back to
// where it came from, and spreads from there over places of like luminance:
//
//     minimise over x   sum_i c_i (x_i - warp_i)^2 + g sum_i x_i^2 + smoothness sum_ij w_ij (x_i - x_j)^2
//
// over the pixels i of the working size and their four neighbours j, for a and b. c is the cycle confidence, in [0, 1].
// g = doubt (1 - mean c)^doubt_power fades the colours of a reference whose matches seldom look back. The weights
// w_ij = exp(-(L_i - L_j)^2 / (2 edge_deviation^2)) are of the kind of Levin, Lischinski and Weiss, "Colorization using
// optimization", SIGGRAPH 2004, in the symmetric form of Lischinski et al., "Interactive local adjustment of tonal
// values", SIGGRAPH 2006, which conjugate gradients solve.
#pragma once

#include "chromatch.h"
#include "matching/guide.h"

namespace chromatch {

/// Chosen on six training photos under P1, P3 and P5; see README.md beside this file.
struct PropagationOptions {
    float smoothness = 16;
    float edge_deviation = 4; ///< in units of L
    float doubt = 3;
    float doubt_power = 10;
};

/// L at the size that the engine compares: see Options::working_size.
Plane working_luminance(const Plane& luminance, int working_size);

/// The solution of the above, at the size of `working`, the target's L there. `warp_a`, `warp_b` and `trust` have any
/// one size, and are interpolated to that. `trust` is c, `gray_pull` g.
void spread_chroma(const Plane& working, const Plane& warp_a, const Plane& warp_b, const Plane& trust, float gray_pull,
                   const PropagationOptions& options, Plane& a, Plane& b);

/// Colours `target` from what make_guide() found, whose chroma is in units of Lab, with the engine's upsampling and
/// gamut.
LabImage propagate(const Plane& target, const Plane& working, const Guide& guide,
                   const PropagationOptions& options = {});

} // namespace chromatch
