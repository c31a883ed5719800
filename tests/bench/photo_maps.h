// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"
#include "map_pairs.h"

#include <filesystem>

namespace chromatch {

/// A JPEG file in CIELAB. Throws std::runtime_error where it is not to be read.
LabImage read_photo(const std::filesystem::path& file);

/// Whether photo_maps() makes maps of this shape: those of the similarity network, of square photos.
bool photo_maps_possible(const Shape& shape);

/// The fused maps of the sample photos' luminance: target maps of the NAME-target.jpg, reference maps of the
/// NAME-reference.jpg. A batch takes crops of falling size from each pair in turn.
/// samples: the photos' folder; models: the weights' folder. Throws std::runtime_error where one is not to be read.
MapPairs photo_maps(const Shape& shape, const std::filesystem::path& samples, const std::filesystem::path& models);

} // namespace chromatch
