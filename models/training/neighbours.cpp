// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/neighbours.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include <torch/nn/functional.h>
#include <torch/torch.h>

#include "training/run.h"
#include "training/teacher.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr int64_t neighbour_count = 30; // a user's reference is seldom the most similar photo of thousands

} // namespace

torch::Tensor nearest_photos(const PhotoStore& photos, RecognitionNetwork recognition, int64_t size, int64_t count)
{
    if (photos.size() < 2)
        throw std::runtime_error("No photo is the most similar one among " + std::to_string(photos.size()) + ".");
    torch::NoGradGuard no_gradients;
    const auto integers = torch::TensorOptions().dtype(torch::kInt64).device(photos.device());
    constexpr int64_t chunk = 64, rows_at_once = 512;
    std::vector<torch::Tensor> parts;
    for (int64_t begin = 0; begin < photos.size(); begin += chunk) {
        const torch::Tensor photo = torch::arange(begin, std::min(begin + chunk, photos.size()), integers);
        const Window window = central_windows(photos, photo);
        const torch::Tensor rgb =
            sample_window(photos, window, regular_places(size, photos.device()).expand({photo.size(0), -1, -1, -1}));
        parts.push_back(recognition->features(rgb).thirtysecond.mean({2, 3}));
    }
    torch::Tensor all = torch::cat(parts);
    all = F::normalize((all - all.mean(0, true)) / (all.std(0, true, true) + 1e-6), F::NormalizeFuncOptions().dim(1));
    std::vector<torch::Tensor> nearest;
    for (int64_t begin = 0; begin < photos.size(); begin += rows_at_once) {
        const torch::Tensor rows = all.slice(0, begin, begin + rows_at_once);
        // The product as a 1x1 convolution: LibTorch without a BLAS multiplies matrices slowly.
        torch::Tensor cosine =
            torch::conv2d(rows.t().unsqueeze(0).unsqueeze(3), all.unsqueeze(2).unsqueeze(3)).squeeze(3).squeeze(0).t();
        const torch::Tensor row = torch::arange(rows.size(0), integers);
        cosine.index_put_({row, row + begin}, -2.0); // no photo is its own neighbour
        nearest.push_back(std::get<1>(cosine.topk(std::min(count, photos.size() - 1), 1)));
    }
    return torch::cat(nearest);
}

torch::Tensor cached_neighbours(const std::filesystem::path& output, const PhotoStore& photos,
                                RecognitionNetwork recognition, int64_t size)
{
    std::filesystem::create_directories(output);
    const std::filesystem::path file = output / "nearest-photos.pt";
    torch::Tensor nearest;
    if (std::filesystem::exists(file))
        torch::load(nearest, file.string());
    if (!nearest.defined() || nearest.size(0) != photos.size() ||
        nearest.size(1) != std::min(neighbour_count, photos.size() - 1)) {
        nearest = nearest_photos(photos, std::move(recognition), size, neighbour_count).to(torch::kCPU);
        replace_file(file, [&](const std::filesystem::path& partial) { torch::save(nearest, partial.string()); });
    }
    return nearest.to(photos.device());
}

void print_nearest_photos(const TrainingConfig& config)
{
    const torch::Device device(config.device);
    const PhotoStore photos(shards(config.photos, "validation-"), device, config.photo_limit);
    const torch::Tensor nearest =
        nearest_photos(photos, Teacher(config.teacher, device).network(), config.crop, 1).to(torch::kCPU);
    for (int64_t i = 0; i < photos.size(); i++)
        std::printf("%s\t%s\n", photos.name(i).c_str(), photos.name(nearest[i][0].item<int64_t>()).c_str());
}

} // namespace chromatch
