// SPDX-License-Identifier: GPL-3.0-or-later
//
// The recognition network: EfficientNet-Lite2 (Tan and Le, "EfficientNet", ICML 2019; the Lite variant has no squeeze
// and excitation and ReLU6 for Swish) without its classifier, taught by ImageNet and then, from /8 on, for colours. It
// tells the colorization network what a photo shows. With ImageNet's weights and shown colour, it is the teacher that
// training distils.
#pragma once

#include <torch/nn.h>

namespace chromatch {

/// Features of a batch of images, NCHW, float32. For H x W images, rounded up:
struct RecognitionFeatures {
    torch::Tensor eighth;       ///< N x 48 x H/8 x W/8
    torch::Tensor sixteenth;    ///< N x 120 x H/16 x W/16
    torch::Tensor thirtysecond; ///< N x 352 x H/32 x W/32
};

constexpr int recognition_channels[] = {48, 120, 352}; ///< of the three levels

/// 1x1 expansion, depthwise convolution, 1x1 projection; a shortcut where shapes allow (Sandler et al., "MobileNetV2",
/// CVPR 2018). BatchNorm is folded into the convolutions.
struct InvertedResidualImpl : torch::nn::Module {
    InvertedResidualImpl(int inputs, int outputs, int expansion, int kernel, int stride);
    torch::Tensor forward(const torch::Tensor& x);

    torch::nn::Conv2d expand{nullptr}; ///< empty where the expansion is 1
    torch::nn::Conv2d depthwise, project;
    bool shortcut;
};
TORCH_MODULE(InvertedResidual);

struct RecognitionNetworkImpl : torch::nn::Module {
    RecognitionNetworkImpl();

    /// rgb: N x 3 x H x W sRGB in [0, 1]. Computes in the type of the weights; gradients flow back to rgb.
    RecognitionFeatures features(const torch::Tensor& rgb);

    /// The two parts of features(): up to `eighth`, in the type of the weights, and from there on.
    torch::Tensor eighth(const torch::Tensor& rgb);
    RecognitionFeatures after_eighth(const torch::Tensor& eighth);
    /// Parameters of after_eighth().
    std::vector<torch::Tensor> later_parameters() const;

    torch::nn::Conv2d stem;
    torch::nn::ModuleList blocks;
};
TORCH_MODULE(RecognitionNetwork);

/// L, N x 1 x H x W in [0, 100] -> the gray sRGB picture, N x 3 x H x W in [0, 1].
torch::Tensor gray_picture(const torch::Tensor& l);

} // namespace chromatch
