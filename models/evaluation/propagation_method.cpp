// SPDX-License-Identifier: GPL-3.0-or-later
#include "propagation_method.h"

#include "networks/match_features.h"
#include "networks/weights.h"
#include "propagation.h"
#include "resampling/resize.h"

#include <chrono>
#include <vector>

namespace chromatch {

namespace {

FeatureMap view(const torch::Tensor& features)
{
    return {features.data_ptr<float>(), static_cast<int>(features.size(0)), static_cast<int>(features.size(1)),
            static_cast<int>(features.size(2))};
}

LabImage colour(SimilarityNetwork& network, const Plane& target, const LabImage& reference, int working_size,
                std::uint64_t seed)
{
    const Plane working = working_luminance(target, working_size);
    const torch::Tensor target_features = match_features(network, working);
    const torch::Tensor reference_features = match_features(network, working_luminance(reference.l, working_size));
    const FeatureMap reference_map = view(reference_features);
    std::vector<float> chroma;
    for (const Plane* plane : {&reference.a, &reference.b}) {
        const Plane small = resize(*plane, reference_map.height, reference_map.width);
        chroma.insert(chroma.end(), small.values.begin(), small.values.end());
    }
    return propagate(target, working,
                     make_guide(view(target_features), reference_map, chroma.data(), nullptr, seed, 0));
}

} // namespace

Method propagation_method(const std::filesystem::path& models, int working_size, std::uint64_t seed)
{
    SimilarityNetwork network(1);
    load_weights(*network, models / "similarity-l.safetensors", "similarity-l");
    network->eval();
    const auto timed = [network, working_size, seed](const Plane& target, const LabImage* reference,
                                                     const Hints&) mutable {
        const auto start = std::chrono::steady_clock::now();
        LabImage image = colour(network, target, *reference, working_size, seed);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        return Coloured{std::move(image), {}, elapsed.count()};
    };
    return {"propagation", Method::Reference::needed, true, timed};
}

} // namespace chromatch
