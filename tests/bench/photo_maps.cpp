// SPDX-License-Identifier: GPL-3.0-or-later
#include "photo_maps.h"

#include "matching/guide.h"
#include "networks/match_features.h"
#include "networks/weights.h"
#include "pictures.h"
#include "resampling/resize.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace chromatch {

namespace {

namespace fs = std::filesystem;

constexpr int pixels_per_feature = 4; // the fused map is at /4
constexpr double smallest_crop = 0.4; // of a photo's short side

/// The square crop number `i` of `count`: the first as large as fits, each smaller and elsewhere.
Plane crop(const Plane& photo, int i, int count)
{
    const double share = 1.0 - (1.0 - smallest_crop) * i / count;
    const int side = static_cast<int>(share * std::min(photo.height, photo.width));
    const int top = (photo.height - side) * (i * 37 % 11) / 10, left = (photo.width - side) * (i * 53 % 11) / 10;
    Plane result(side, side);
    for (int y = 0; y < side; ++y)
        std::copy_n(photo.row(top + y) + left, side, result.row(y));
    return result;
}

void append_map(SimilarityNetwork& network, const Plane& luminance, std::vector<float>& values)
{
    const torch::Tensor map = match_features(network, luminance);
    values.insert(values.end(), map.data_ptr<float>(), map.data_ptr<float>() + map.numel());
}

/// NAME of every NAME-target.jpg.
std::vector<std::string> sample_names(const fs::path& folder)
{
    const std::string ending = "-target.jpg";
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.ends_with(ending))
            names.push_back(name.substr(0, name.size() - ending.size()));
    }
    if (names.empty())
        throw std::runtime_error("There is no *-target.jpg in " + folder.string() + ".");
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace

LabImage read_photo(const fs::path& file)
{
    int width = 0, height = 0, channels = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> rgb(stbi_load(file.c_str(), &width, &height, &channels, 3),
                                                        stbi_image_free);
    if (!rgb)
        throw std::runtime_error(file.string() + ": " + stbi_failure_reason());
    return lab_from_srgb(rgb.get(), height, width);
}

bool photo_maps_possible(const Shape& shape)
{
    return shape.channels == fused_channels && shape.height == shape.width && shape.height % pixels_per_feature == 0;
}

MapPairs photo_maps(const Shape& shape, const fs::path& samples, const fs::path& models)
{
    SimilarityNetwork network(1);
    load_weights(*network, models / "similarity-l.safetensors", "similarity-l");
    network->eval();
    const std::vector<std::string> names = sample_names(samples);
    const int pairs = static_cast<int>(names.size()), crops = (shape.count + pairs - 1) / pairs;
    std::vector<Plane> targets, references;
    for (const std::string& name : names) {
        targets.push_back(read_photo(samples / (name + "-target.jpg")).l);
        references.push_back(read_photo(samples / (name + "-reference.jpg")).l);
    }
    const int height = shape.height * pixels_per_feature, width = shape.width * pixels_per_feature;
    MapPairs maps{shape, "photos", {}, {}};
    for (int i = 0; i < shape.count; ++i) {
        append_map(network, resize(crop(targets[i % pairs], i / pairs, crops), height, width), maps.target);
        append_map(network, resize(crop(references[i % pairs], i / pairs, crops), height, width), maps.reference);
    }
    return maps;
}

} // namespace chromatch
