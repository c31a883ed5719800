// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include <torch/types.h>

#include "networks/recognition_network.h"
#include "training/sampling.h"

namespace chromatch {

/// For each photo the indices of the most similar others, best first, by the cosine of the recognition network's pooled
/// /32 features (standardised over the set) of the photo's central square in colour: N x min(count, N - 1), int64.
/// Throws std::runtime_error where there are no two photos.
torch::Tensor nearest_photos(const PhotoStore& photos, RecognitionNetwork recognition, int64_t size, int64_t count);

/// The same of the training photos, kept in `output` from run to run.
torch::Tensor cached_neighbours(const std::filesystem::path& output, const PhotoStore& photos,
                                RecognitionNetwork recognition, int64_t size);

} // namespace chromatch
