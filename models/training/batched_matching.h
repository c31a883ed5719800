// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine's guide (matching/guide.h) for a whole batch, where the tensors are: on a CUDA device as tensor
// operations, on the CPU by the engine's own matcher. Both give the same planes.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace chromatch {

/// Fields of a batch. Indices are y * width + x into the other map; int64, N x (h * w).
struct BatchedFields {
    torch::Tensor forward; ///< target -> reference
    torch::Tensor reverse; ///< reference -> target
};

struct BatchedGuides {
    torch::Tensor planes;    ///< N x guide_channels x h x w float32
    torch::Tensor reference; ///< N x 2 x h x w: the chroma that was warped, the histogram's source
};

/// Exact nearest 3 x 3 patches both ways, by one product of unfolded patches for each chunk of the batch. target,
/// reference: N x pair_channels x h x w, of one size, vectors of unit length or shorter. In half precision on CUDA: a
/// nearly equal patch may win there.
BatchedFields match_tensors(const torch::Tensor& target, const torch::Tensor& reference);

/// vote() of matching/voting.h. values: N x C x h x w.
torch::Tensor vote_tensors(const torch::Tensor& field, const torch::Tensor& values);

/// The guides of a batch; samples whose `reference_mode` is no_reference get zeros, those of two_way the target's own
/// chroma warped to the reference and back (He et al. 2018, section 5).
/// chroma: N x 2 x h x w. modes: N, int64, on the CPU.
enum ReferenceMode { no_reference, one_way, two_way_warp };
BatchedGuides make_guides(const torch::Tensor& target, const torch::Tensor& reference,
                          const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma,
                          const torch::Tensor& modes, uint64_t seed);

/// The same by tensor operations, whatever the device.
BatchedGuides make_guides_with_tensors(const torch::Tensor& target, const torch::Tensor& reference,
                                       const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma,
                                       const torch::Tensor& modes);

} // namespace chromatch
