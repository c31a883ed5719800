// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/classification.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include <torch/torch.h>

#include "networks/safetensors.h"
#include "networks/weights.h"

namespace chromatch {

namespace {

constexpr int trunk_channels = 256, head_channels = 512;
constexpr double dropout_share = 0.2;

std::string label_of(const std::string& name)
{
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos || slash == 0)
        throw std::runtime_error("The picture " + name + " has no label: its name should be <label>/<name>.jpg.");
    return name.substr(0, slash);
}

} // namespace

Labels read_labels(const std::vector<std::string>& names)
{
    std::set<std::string> classes;
    for (const std::string& name : names)
        classes.insert(label_of(name));
    if (classes.size() < 2)
        throw std::runtime_error("The labelled pictures have fewer than two classes.");
    return read_labels(names, {classes.begin(), classes.end()});
}

Labels read_labels(const std::vector<std::string>& names, const std::vector<std::string>& classes)
{
    std::vector<int64_t> of;
    for (const std::string& name : names) {
        const auto found = std::find(classes.begin(), classes.end(), label_of(name));
        if (found == classes.end())
            throw std::runtime_error("The picture " + name + " is of a class that the training pictures do not have.");
        of.push_back(found - classes.begin());
    }
    return {classes, torch::tensor(of, torch::kInt64)};
}

void load_similarity(SimilarityNetwork& network, const std::filesystem::path& file)
{
    SafeTensors content = read_safetensors(file);
    const bool colour = network->conv1->weight.size(1) == 3;
    if (!colour || content.metadata["network"] != "similarity-l") {
        load_weights(*network, file, colour ? "similarity-rgb" : "similarity-l");
        return;
    }
    SimilarityNetwork luminance(1);
    load_weights(*luminance, file, "similarity-l");
    SafeTensors state = state_of(*luminance);
    const torch::Tensor filters = torch::constant_pad_nd(luminance->conv1->weight.detach(), {0, 0, 0, 0, 0, 2});
    const torch::Tensor values = filters.contiguous();
    state.tensors["conv1.weight"] = {values.sizes().vec(),
                                     {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()}};
    restore_state(*network, state, file);
}

ClassifierImpl::ClassifierImpl(int input_channels, int64_t classes)
    : trunk(input_channels),
      layer4(BasicBlock(trunk_channels, head_channels, 2), BasicBlock(head_channels, head_channels, 1)),
      dropout(dropout_share), linear(trunk_channels + head_channels, classes)
{
    register_module("trunk", trunk);
    register_module("layer4", layer4);
    register_module("dropout", dropout);
    register_module("linear", linear);
}

ClassifierImpl::Result ClassifierImpl::forward(const torch::Tensor& images)
{
    const torch::Tensor sixteenth = trunk->features(images).sixteenth;
    const torch::Tensor features = layer4->forward(sixteenth);
    const torch::Tensor pooled = torch::cat({sixteenth.mean({2, 3}), features.mean({2, 3})}, 1);
    return {features, linear(dropout(pooled)).to(torch::kFloat32)};
}

} // namespace chromatch
