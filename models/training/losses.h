// SPDX-License-Identifier: GPL-3.0-or-later
//
// Losses of the colorization stage. Chroma is in units of chroma_scale. Each function that says "of each sample"
// returns N values, the others a scalar.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

namespace chromatch {

/// Huber loss (delta .1) of each sample. N x 2 x h x w.
torch::Tensor chroma_loss(const torch::Tensor& chroma, const torch::Tensor& truth);

/// Cross-entropy of each sample between N x 441 x h x w logits and the bin nearest to the truth, weighted by bin
/// (Zhang et al., "Colorful image colorization", ECCV 2016). bin_weights: 441.
torch::Tensor bin_loss(const torch::Tensor& logits, const torch::Tensor& truth, const torch::Tensor& bin_weights);

/// Of each sample: binary cross-entropy of the trust in the warp against [deltaE76(warp, truth) < 8].
torch::Tensor gate_loss(const torch::Tensor& gate, const torch::Tensor& warp, const torch::Tensor& truth);

/// Of each sample: chi-square distance of two rows of histograms, N x 441.
torch::Tensor histogram_loss(const torch::Tensor& mine, const torch::Tensor& theirs);

/// Edges of chroma where the luminance has none. luminance: N x 1 x h x w, normalised.
torch::Tensor unsupported_edges(const torch::Tensor& ab, const torch::Tensor& luminance);

/// Of each sample: mean absolute difference of two feature maps whose channels are first scaled to the second's
/// variance, so that no channel rules (Johnson et al., "Perceptual losses", ECCV 2016, with L1).
torch::Tensor perceptual_loss(const torch::Tensor& features, const torch::Tensor& truth);

/// Of each sample: contextual loss between feature maps that need not be aligned (Mechrez et al., "The contextual
/// loss", ECCV 2018, bandwidth .1; features are centred by the reference's mean).
torch::Tensor contextual_loss(const torch::Tensor& features, const torch::Tensor& reference);

/// Of each pair: the distance (a smoothed norm) to the right chroma that each place of `target` has to expect where it
/// takes its chroma from places of `reference` by how alike they are, and where those are in demand alike (entropic
/// optimal transport, Cuturi, NIPS 2013); and the other way round. Places: N x place_channels x h x w, unit vectors.
/// Chroma: N x 2 x h x w.
torch::Tensor place_loss(const torch::Tensor& target, const torch::Tensor& reference,
                         const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma);

/// PatchGAN (Isola et al., "Image-to-image translation", CVPR 2017) on luminance and chroma: N x 3 x h x w ->
/// N x 1 x h/8 x w/8 scores, trained with the hinge loss (Lim and Ye 2017).
struct DiscriminatorImpl : torch::nn::Module {
    DiscriminatorImpl();
    torch::Tensor forward(const torch::Tensor& luminance, const torch::Tensor& chroma);

    torch::nn::Conv2d conv1, conv2, conv3, score;
};
TORCH_MODULE(Discriminator);

/// mean(max(0, 1 - real)) + mean(max(0, 1 + made))
torch::Tensor discriminator_loss(const torch::Tensor& real, const torch::Tensor& made);

} // namespace chromatch
