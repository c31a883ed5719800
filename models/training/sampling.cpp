// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/sampling.h"

#include <cmath>
#include <thread>

#include <torch/nn/functional.h>
#include <torch/torch.h>

#include "training/photo_shards.h"

namespace chromatch {

namespace F = torch::nn::functional;

PhotoStore::PhotoStore(const std::vector<std::filesystem::path>& shards, torch::Device device, std::size_t limit)
{
    std::vector<Photo> photos = read_photo_shards(shards, static_cast<int>(std::thread::hardware_concurrency()), limit);
    std::vector<int64_t> offsets, heights, widths;
    int64_t total = 0;
    for (const Photo& photo : photos) {
        offsets.push_back(total);
        heights.push_back(photo.height);
        widths.push_back(photo.width);
        names_.push_back(photo.name);
        total += int64_t(photo.height) * photo.width;
    }
    torch::Tensor pixels = torch::empty({total, 3}, torch::kUInt8);
    for (std::size_t i = 0; i < photos.size(); i++) {
        std::copy(photos[i].rgb.begin(), photos[i].rgb.end(), pixels.data_ptr<uint8_t>() + offsets[i] * 3);
        photos[i].rgb = {}; // so that the set is not in memory twice
    }
    pixels_ = pixels.to(device);
    offset_ = torch::tensor(offsets).to(device);
    height_ = torch::tensor(heights).to(device);
    width_ = torch::tensor(widths).to(device);
}

torch::Tensor PhotoStore::sample(const torch::Tensor& photo, const torch::Tensor& places) const
{
    const auto per_photo = [&](const torch::Tensor& values) { return values.index_select(0, photo).view({-1, 1, 1}); };
    const torch::Tensor height = per_photo(height_), width = per_photo(width_), offset = per_photo(offset_);
    const auto reflect = [](const torch::Tensor& place, const torch::Tensor& length) {
        const torch::Tensor last = (length - 1).to(torch::kFloat32);
        return (last - (torch::remainder(place, 2 * last) - last).abs()).clamp_min(0.0);
    };
    const torch::Tensor x = reflect(places.select(3, 0), width), y = reflect(places.select(3, 1), height);
    const torch::Tensor x0 = x.floor(), y0 = y.floor();
    const torch::Tensor left = x0.to(torch::kInt64), top = y0.to(torch::kInt64);
    const torch::Tensor right = torch::minimum(left + 1, width - 1), bottom = torch::minimum(top + 1, height - 1);
    const torch::Tensor fx = (x - x0).unsqueeze(3), fy = (y - y0).unsqueeze(3);
    const auto tap = [&](const torch::Tensor& row, const torch::Tensor& column) {
        const torch::Tensor index = offset + row * width + column;
        return pixels_.index_select(0, index.flatten())
            .view({index.size(0), index.size(1), index.size(2), 3})
            .to(torch::kFloat32);
    };
    const torch::Tensor upper = torch::lerp(tap(top, left), tap(top, right), fx);
    const torch::Tensor lower = torch::lerp(tap(bottom, left), tap(bottom, right), fx);
    return torch::lerp(upper, lower, fy).mul_(1.0 / 255.0).permute({0, 3, 1, 2});
}

torch::Tensor uniform(at::IntArrayRef shape, double low, double high, torch::Device device)
{
    return torch::rand(shape, torch::TensorOptions().device(device)) * (high - low) + low;
}

Window random_windows(const PhotoStore& store, const torch::Tensor& photo, double minimum_side)
{
    const int64_t count = photo.size(0);
    const torch::Device device = store.device();
    const torch::Tensor height = store.height().index_select(0, photo).to(torch::kFloat32);
    const torch::Tensor width = store.width().index_select(0, photo).to(torch::kFloat32);
    const torch::Tensor largest = torch::minimum(height, width);
    const torch::Tensor smallest = torch::minimum(largest, torch::full_like(largest, minimum_side));
    Window window;
    window.photo = photo;
    window.half = (smallest + uniform({count}, 0, 1, device) * (largest - smallest)) * 0.5;
    const torch::Tensor x = window.half + uniform({count}, 0, 1, device) * (width - 2 * window.half) - 0.5;
    const torch::Tensor y = window.half + uniform({count}, 0, 1, device) * (height - 2 * window.half) - 0.5;
    window.centre = torch::stack({x, y}, 1);
    window.mirror = torch::where(torch::rand({count}, torch::TensorOptions().device(device)) < 0.5,
                                 torch::full_like(largest, -1.0), torch::full_like(largest, 1.0));
    return window;
}

Window central_windows(const PhotoStore& store, const torch::Tensor& photo)
{
    const torch::Tensor height = store.height().index_select(0, photo).to(torch::kFloat32);
    const torch::Tensor width = store.width().index_select(0, photo).to(torch::kFloat32);
    return {photo, torch::stack({width - 1, height - 1}, 1) * 0.5, torch::minimum(height, width) * 0.5,
            torch::ones_like(height)};
}

torch::Tensor window_places(const Window& window, const torch::Tensor& places)
{
    const torch::Tensor mirror = torch::stack({window.mirror, torch::ones_like(window.mirror)}, 1);
    const torch::Tensor scale = (mirror * window.half.unsqueeze(1)).view({-1, 1, 1, 2});
    return places * scale + window.centre.view({-1, 1, 1, 2});
}

torch::Tensor sample_window(const PhotoStore& store, const Window& window, const torch::Tensor& places)
{
    return store.sample(window.photo, window_places(window, places));
}

torch::Tensor regular_places(int64_t size, torch::Device device)
{
    const torch::Tensor line =
        (torch::arange(size, torch::TensorOptions().dtype(torch::kFloat32).device(device)) * 2 + 1) / double(size) - 1;
    return torch::stack({line.view({1, -1}).expand({size, size}), line.view({-1, 1}).expand({size, size})}, 2)
        .unsqueeze(0);
}

torch::Tensor warped_places(int64_t count, int64_t size, torch::Device device)
{
    constexpr double largest_angle = 15.0 * M_PI / 180.0;
    constexpr double largest_displacement = 0.10; // of half the side
    const torch::Tensor scale = uniform({count}, 0.6, 1.0, device).sqrt();
    const torch::Tensor angle = uniform({count}, -largest_angle, largest_angle, device);
    const torch::Tensor mirror = (torch::rand({count}, torch::TensorOptions().device(device)) < 0.5) * -2.0 + 1.0;
    const torch::Tensor cosine = angle.cos() * scale, sine = angle.sin() * scale;
    const torch::Tensor matrix =
        torch::stack({cosine * mirror, -sine, sine * mirror, cosine}, 1).view({-1, 1, 1, 2, 2});
    const torch::Tensor shift = uniform({count, 2}, -1, 1, device) * (1.0 - scale).unsqueeze(1);
    const torch::Tensor displacement =
        F::interpolate(uniform({count, 2, 4, 4}, -largest_displacement, largest_displacement, device),
                       F::InterpolateFuncOptions()
                           .size(std::vector<int64_t>{size, size})
                           .mode(torch::kBicubic)
                           .align_corners(true))
            .permute({0, 2, 3, 1});
    const torch::Tensor places = regular_places(size, device).unsqueeze(3); // 1 x h x w x 1 x 2
    return (matrix * places).sum(4) + shift.view({-1, 1, 1, 2}) + displacement;
}

torch::Tensor srgb_to_lab(const torch::Tensor& rgb)
{
    const torch::Tensor linear =
        torch::where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.0) + 0.055) / 1.055).pow(2.4));
    const torch::Tensor r = linear.select(1, 0), g = linear.select(1, 1), b = linear.select(1, 2);
    constexpr double epsilon = 216.0 / 24389.0, kappa = 24389.0 / 27.0;
    const auto f = [&](const torch::Tensor& t) {
        return torch::where(t > epsilon, t.clamp_min(epsilon).pow(1.0 / 3.0), (t * kappa + 16.0) / 116.0);
    };
    const torch::Tensor fx = f((r * 0.4123908 + g * 0.3575843 + b * 0.1804808) / 0.9504559);
    const torch::Tensor fy = f(r * 0.2126390 + g * 0.7151687 + b * 0.0721923);
    const torch::Tensor fz = f((r * 0.0193308 + g * 0.1191948 + b * 0.9505322) / 1.0890578);
    return torch::stack({116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)}, 1);
}

torch::Tensor lab_to_srgb(const torch::Tensor& lab)
{
    const torch::Tensor fy = (lab.select(1, 0) + 16.0) / 116.0;
    const torch::Tensor fx = fy + lab.select(1, 1) / 500.0, fz = fy - lab.select(1, 2) / 200.0;
    const auto cube = [](const torch::Tensor& f) {
        return torch::where(f > 6.0 / 29.0, f * f * f, (f * 116.0 - 16.0) * (27.0 / 24389.0));
    };
    const torch::Tensor x = cube(fx) * 0.9504559, y = cube(fy), z = cube(fz) * 1.0890578;
    const torch::Tensor linear =
        torch::stack({x * 3.2409699 + y * -1.5373832 + z * -0.4986108, x * -0.9692436 + y * 1.8759675 + z * 0.0415551,
                      x * 0.0556301 + y * -0.2039770 + z * 1.0569715},
                     1);
    const torch::Tensor srgb =
        torch::where(linear <= 0.0031308, linear * 12.92, linear.clamp_min(0.0031308).pow(1.0 / 2.4) * 1.055 - 0.055);
    return srgb + (srgb.clamp(0.0, 1.0) - srgb).detach();
}

torch::Tensor jitter_luminance(const torch::Tensor& l, double noise)
{
    const int64_t count = l.size(0);
    const torch::Device device = l.device();
    const auto each = [&](double low, double high) { return uniform({count, 1, 1, 1}, low, high, device); };
    torch::Tensor x = (l / 100.0).clamp(1e-4, 1.0).pow(each(std::log(0.7), std::log(1.4)).exp());
    const torch::Tensor mean = x.mean({1, 2, 3}, true);
    x = (x - mean) * each(0.8, 1.2) + mean + each(-0.06, 0.06);
    const torch::Tensor blurred = torch::avg_pool2d(x, 3, 1, 1, false, false);
    x = torch::lerp(x, blurred, each(0.0, 1.0));
    x = x + torch::randn_like(x) * each(0.0, noise);
    return x.clamp(0.0, 1.0) * 100.0;
}

torch::Tensor sample_map(const torch::Tensor& map, const torch::Tensor& places)
{
    return F::grid_sample(map, places.unsqueeze(2),
                          F::GridSampleFuncOptions().mode(torch::kBilinear).align_corners(false))
        .squeeze(3);
}

} // namespace chromatch
