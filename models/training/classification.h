// SPDX-License-Identifier: GPL-3.0-or-later
//
// The similarity network's trunk with a classification head: a measure of what the trunk knows, to compare with others.
// It colours nothing.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <torch/nn.h>

#include "networks/similarity_network.h"
#include "training/run.h"

namespace chromatch {

/// The classes of labelled pictures, in alphabetical order, and the class of each picture.
struct Labels {
    std::vector<std::string> classes;
    torch::Tensor of; ///< N, int64
};

/// From names `<label>/<name>.jpg`. Throws std::runtime_error naming a picture without a label, or fewer than two
/// classes.
Labels read_labels(const std::vector<std::string>& names);

/// The same with given classes; throws std::runtime_error naming a picture of another class.
Labels read_labels(const std::vector<std::string>& names, const std::vector<std::string>& classes);

/// Fills a similarity network from weights of its own kind, or a network for colour from `similarity-l`: the filters of
/// luminance keep their weights, those of a and b start at zero, so that the network begins as the one it comes from.
/// Throws Error model_missing or model_corrupt.
void load_similarity(SimilarityNetwork& network, const std::filesystem::path& file);

/// ResNet-34's last stage at two of its three blocks (He et al., CVPR 2016), mean pooling, dropout, and a linear
/// layer that sees the trunk's features as well.
struct ClassifierImpl : torch::nn::Module {
    /// input_channels: as in SimilarityNetwork.
    ClassifierImpl(int input_channels, int64_t classes);

    struct Result {
        torch::Tensor features; ///< N x 512 x H/32 x W/32
        torch::Tensor scores;   ///< N x classes
    };
    Result forward(const torch::Tensor& images);

    SimilarityNetwork trunk;
    torch::nn::Sequential layer4;
    torch::nn::Dropout dropout;
    torch::nn::Linear linear;
};
TORCH_MODULE(Classifier);

/// The whole stage. Returns the validation accuracy of the averaged weights.
double train_classification(const TrainingConfig& config);

} // namespace chromatch
