// SPDX-License-Identifier: GPL-3.0-or-later
//
// Photos held on the training device as bytes, and the views of them that training sees: random crops, warps and
// changes of light, all as tensor operations.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

namespace chromatch {

/// All photos of a set, decoded, on one device.
class PhotoStore {
  public:
    /// Reads shards (see read_photo_shards()); limit 0 takes all.
    PhotoStore(const std::vector<std::filesystem::path>& shards, torch::Device device, std::size_t limit);

    int64_t size() const { return height_.size(0); }
    torch::Device device() const { return pixels_.device(); }

    /// Samples photos at places given in pixels (x, y), bilinear, reflected at the borders.
    /// photo: N (int64); places: N x h x w x 2. Returns N x 3 x h x w sRGB in [0, 1].
    torch::Tensor sample(const torch::Tensor& photo, const torch::Tensor& places) const;

    torch::Tensor height() const { return height_; } ///< int64, one for each photo
    torch::Tensor width() const { return width_; }
    const std::string& name(int64_t photo) const { return names_.at(static_cast<std::size_t>(photo)); } ///< Photo::name

  private:
    torch::Tensor pixels_; // total x 3, uint8
    torch::Tensor offset_, height_, width_;
    std::vector<std::string> names_;
};

/// A square window on a photo: local coordinates in [-1, 1] -> pixels.
struct Window {
    torch::Tensor photo;  ///< N, int64
    torch::Tensor centre; ///< N x 2 (x, y) in pixels
    torch::Tensor half;   ///< N, half the side in pixels
    torch::Tensor mirror; ///< N, 1 or -1
};

/// Random windows with sides between minimum_side pixels and the photo's short side.
Window random_windows(const PhotoStore& store, const torch::Tensor& photo, double minimum_side);

/// The largest square window in the middle of each photo, not mirrored.
Window central_windows(const PhotoStore& store, const torch::Tensor& photo);

/// Local places -> pixels of the photo. places: N x h x w x 2.
torch::Tensor window_places(const Window& window, const torch::Tensor& places);

/// Local places -> sRGB. places: N x h x w x 2.
torch::Tensor sample_window(const PhotoStore& store, const Window& window, const torch::Tensor& places);

/// The local coordinates of pixel centres, 1 x size x size x 2.
torch::Tensor regular_places(int64_t size, torch::Device device);

/// Where each pixel of a second view of the same window looks in the first one: a smooth random displacement (bicubic
/// between 4 x 4 control points), a crop of .6 to 1 of the area, a mirror image and +-15 degrees.
/// N x size x size x 2, local coordinates of the first view.
torch::Tensor warped_places(int64_t count, int64_t size, torch::Device device);

/// sRGB in [0, 1] -> Lab, N x 3 x h x w (D65, as the engine's).
torch::Tensor srgb_to_lab(const torch::Tensor& rgb);

/// Lab -> sRGB, clamped to [0, 1]; the gradient passes through the clamp, so that colours outside the gamut come back.
torch::Tensor lab_to_srgb(const torch::Tensor& lab);

/// The match features' view of light: gamma .7 to 1.4, contrast, noise and blur on L in [0, 100].
torch::Tensor jitter_luminance(const torch::Tensor& l, double noise);

/// Values of N x C x h x w maps at N x n x 2 local places, bilinear: N x C x n.
torch::Tensor sample_map(const torch::Tensor& map, const torch::Tensor& places);

/// Uniform random numbers in [low, high).
torch::Tensor uniform(at::IntArrayRef shape, double low, double high, torch::Device device);

} // namespace chromatch
