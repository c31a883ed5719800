// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole photos through the engine's public face: how long they take and how much memory, by their size.
#pragma once

#include "chromatch.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace chromatch {

/// What a photo of `floor_megapixels` may cost on two cores: all the time from the planes to the chroma, loading
/// included, and the memory beyond the layers' own.
constexpr double floor_megapixels = 24;
constexpr double floor_seconds = 8;
constexpr double floor_bytes = 1.5 * (1 << 30);
constexpr int floor_cores = 2;

struct PhotosBenchOptions {
    std::vector<double> megapixels{1, 12, 24, 100};
    int working_size = default_working_size;
    int cores = floor_cores; ///< the process may use so many
    std::filesystem::path samples;
    std::filesystem::path models;
};

/// One photo, coloured from a reference of the same size, in a process of its own.
struct PhotoRun {
    double megapixels = 0; ///< asked for
    int height = 0, width = 0;
    double load_seconds = 0; ///< of the weights
    double seconds = 0;      ///< of colorize()
    double stage_seconds[stage_count] = {};
    std::int64_t plane_bytes = 0; ///< of the request: L of the target; L, a and b of the reference
    std::int64_t peak_bytes = 0;  ///< the process's, planes, program and libraries included
    std::string failure;          ///< one sentence where it did not succeed

    /// Beyond the planes that the host has anyway: the program, the networks, the result and what it takes to make it.
    std::int64_t own_bytes() const { return peak_bytes - plane_bytes; }
};

/// Whether a run is within the floors, or is of another size than they speak of.
bool within_floors(const PhotoRun& run);

/// The size in pixels, of the sample photo's shape, with so many megapixels.
std::pair<int, int> size_of(double megapixels, int sample_height, int sample_width);

/// One run for each size, in their order. Throws std::runtime_error where the samples cannot be read or no process can
/// be started.
std::vector<PhotoRun> bench_photos(const PhotosBenchOptions& options);

} // namespace chromatch
