// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include "training/sampling.h"
#include "training/teacher.h"

namespace chromatch {

/// For each photo the indices of the most similar others, best first, by the cosine of the teacher's pooled /32
/// features (standardised over the set) of the photo's central square: N x min(count, N - 1), int64.
torch::Tensor nearest_photos(const PhotoStore& photos, const Teacher& teacher, int64_t size, int64_t count);

} // namespace chromatch
