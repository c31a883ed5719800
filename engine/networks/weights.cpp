// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/weights.h"

#include <torch/utils.h>

#include "chromatch.h"

namespace chromatch {

namespace {

std::map<std::string, torch::Tensor> named_state(const torch::nn::Module& module)
{
    std::map<std::string, torch::Tensor> state;
    for (const auto& item : module.named_parameters())
        state[item.key()] = item.value();
    for (const auto& item : module.named_buffers())
        if (item.value().is_floating_point())
            state[item.key()] = item.value();
    return state;
}

[[noreturn]] void corrupt(const std::filesystem::path& file, const std::string& what)
{
    throw Error(ErrorCode::model_corrupt, "The weights file " + file.string() + " is damaged: " + what + ".");
}

std::string shape_text(const std::vector<std::int64_t>& shape)
{
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); i++)
        text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

} // namespace

SafeTensors state_of(const torch::nn::Module& module)
{
    SafeTensors content;
    for (const auto& [name, tensor] : named_state(module)) {
        const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
        const float* begin = values.data_ptr<float>();
        content.tensors[name] = {values.sizes().vec(), std::vector<float>(begin, begin + values.numel())};
    }
    return content;
}

void restore_state(torch::nn::Module& module, const SafeTensors& content, const std::filesystem::path& file)
{
    torch::NoGradGuard no_gradients;
    const std::map<std::string, torch::Tensor> state = named_state(module);
    for (const auto& [name, tensor] : state) {
        const auto found = content.tensors.find(name);
        if (found == content.tensors.end())
            corrupt(file, "the tensor " + name + " is missing");
        if (found->second.shape != tensor.sizes().vec())
            corrupt(file, "the tensor " + name + " has the shape " + shape_text(found->second.shape) + " instead of " +
                              shape_text(tensor.sizes().vec()));
        torch::Tensor target = tensor;
        target.copy_(
            torch::from_blob(const_cast<float*>(found->second.values.data()), tensor.sizes(), torch::kFloat32));
    }
    for (const auto& [name, tensor] : content.tensors)
        if (!state.count(name))
            corrupt(file, "the tensor " + name + " is not part of the network");
}

std::map<std::string, std::string> load_weights(torch::nn::Module& module, const std::filesystem::path& file,
                                                const std::string& network)
{
    const SafeTensors content = read_safetensors(file);
    const auto metadata = [&](const std::string& key) {
        const auto found = content.metadata.find(key);
        return found == content.metadata.end() ? std::string() : found->second;
    };
    if (metadata(weights_format_key) != weights_format)
        corrupt(file, "its format is \"" + metadata(weights_format_key) + "\", this version reads \"" + weights_format +
                          "\"");
    if (metadata("network") != network)
        corrupt(file, "it holds the network \"" + metadata("network") + "\" instead of \"" + network + "\"");

    restore_state(module, content, file);
    return content.metadata;
}

void save_weights(const torch::nn::Module& module, const std::filesystem::path& file, const std::string& network,
                  std::map<std::string, std::string> metadata, bool half)
{
    SafeTensors content = state_of(module);
    content.metadata = std::move(metadata);
    content.metadata[weights_format_key] = weights_format;
    content.metadata["network"] = network;
    write_safetensors(file, content, half);
}

} // namespace chromatch
