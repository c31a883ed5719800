// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "methods.h"

#include <filesystem>

namespace chromatch {

/// "propagation": propagate() on the matches that the engine finds with the similarity network of `models`.
/// Throws Error model_missing or model_corrupt.
Method propagation_method(const std::filesystem::path& models, int working_size, std::uint64_t seed);

} // namespace chromatch
