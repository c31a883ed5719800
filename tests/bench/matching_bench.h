// SPDX-License-Identifier: GPL-3.0-or-later
//
// Times and judges the matchers on batches of feature maps. A run is the whole call, from float32 NHWC maps to fields.
#pragma once

#include "ceilings.h"
#include "map_pairs.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chromatch {

/// The batch of the thesis behind this project: 312 s as tensor operations, 12 s as a CUDA program.
constexpr Shape thesis_shape{96, 64, 64, 64};
constexpr double thesis_tensor_seconds = 312.0, thesis_cuda_seconds = 12.0;

struct MatchingBenchOptions {
    std::optional<Shape> shape; ///< only this one; else a list from 32 x 32 to 512 x 512
    int repetitions = 5;        ///< fewer where a run takes seconds
    int threads = 0;            ///< 0: all cores
    bool random_maps = true, photo_maps = true;
    bool gmic = false;
    std::filesystem::path samples, models;
};

struct MatchingRun {
    std::string matcher;      ///< "exact", "patchmatch", "tensor", "brute-force" or "gmic-matchpatch"
    std::string device;       ///< "cpu" or "cuda"
    std::string instructions; ///< "avx512", "avx2", "portable"; on a CUDA device "sm_90" and the like
    Shape shape{};
    std::string maps; ///< "random" or "photos"
    int patch = 3;
    std::optional<int> iterations;           ///< of PatchMatch
    std::string start;                       ///< of PatchMatch: "coarse" or "random"; else empty
    bool reverse = false;                    ///< both directions
    double seconds = 0.0, seconds_min = 0.0; ///< median and shortest; scaled where scaled_from is set
    int repetitions = 1;
    std::optional<int> scaled_from;           ///< the number of maps that were really matched
    std::optional<double> rho, exact_share;   ///< see quality.h; none where exact search was skipped
    double operations = 0.0;                  ///< see the notes of the report
    double bytes = 0.0;                       ///< that must be moved at least
    std::optional<double> peak_share;         ///< operations a second / the ceiling of float32
    std::optional<double> integer_peak_share; ///< / the ceiling of 16-bit multiply-add; of kernels that use it
    std::optional<double> copy_share;         ///< bytes a second / those of a copy
};

struct MatchingReport {
    Ceilings ceilings;
    std::string cuda_device; ///< its name; empty where there is none
    std::vector<MatchingRun> runs;
    std::vector<std::string> skipped; ///< a sentence for each
};

/// Progress goes to stderr. Throws std::runtime_error where the maps cannot be made or a matcher fails.
MatchingReport bench_matching(const MatchingBenchOptions& options);

} // namespace chromatch
