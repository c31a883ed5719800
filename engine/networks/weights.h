// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <torch/nn/module.h>

#include "networks/safetensors.h"

namespace chromatch {

/// Metadata key and value that every weights file of this version carries.
constexpr const char* weights_format_key = "chromatch_format";
constexpr const char* weights_format = "1";

/// A module's parameters and floating-point buffers, as they are stored. BatchNorm's batch counters are left out.
SafeTensors state_of(const torch::nn::Module& module);

/// Puts a stored state into a module. Every tensor must be there with its shape, and no other; else throws Error
/// model_corrupt with a sentence that names `file`.
void restore_state(torch::nn::Module& module, const SafeTensors& content, const std::filesystem::path& file);

/// Fills a module's parameters and buffers from a safetensors file. Every tensor must be there with its shape, and no
/// other; metadata "network" must name `network`. Throws Error model_missing or model_corrupt with one sentence.
/// Returns the metadata.
std::map<std::string, std::string> load_weights(torch::nn::Module& module, const std::filesystem::path& file,
                                                const std::string& network);

/// Writes a module's parameters and buffers as F16 (half) or F32. Batch counters are left out.
void save_weights(const torch::nn::Module& module, const std::filesystem::path& file, const std::string& network,
                  std::map<std::string, std::string> metadata, bool half);

} // namespace chromatch
