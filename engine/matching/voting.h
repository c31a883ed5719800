// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// Warps reference values to the target: each target pixel averages the values that its overlapping patches bring
/// (Barnes et al. 2009, section 4; He et al. 2018). `values` is planar: channels x reference_height x reference_width.
/// Returns planar channels x field.height x field.width. `patch` is the one the field was made with (1: plain lookup).
/// `reference_mask`, where given, is the field's: pixels where it is 0 do not vote.
std::vector<float> vote(const NearestNeighbourField& field, const float* values, int channels, int reference_height,
                        int reference_width, int patch, const std::uint8_t* reference_mask = nullptr);

/// Cycle confidence exp(-d^2 / (2 sigma^2)), in [0, 1], field.height x field.width, of each target pixel: d is the
/// distance in pixels between it and where the reverse field takes its match back to.
std::vector<float> cycle_confidence(const NearestNeighbourField& forward, const NearestNeighbourField& reverse,
                                    float sigma);

} // namespace chromatch
