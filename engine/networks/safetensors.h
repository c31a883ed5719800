// SPDX-License-Identifier: GPL-3.0-or-later
//
// The safetensors format: 8 bytes little-endian header length, a JSON header, then the data
// (https://huggingface.co/docs/safetensors). Nothing is executed; every offset, shape and value is checked. No LibTorch
// here, so that the checks can be tested alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace chromatch {

/// One tensor, always float32 in memory; on disk F32 or F16.
struct StoredTensor {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
};

struct SafeTensors {
    std::map<std::string, StoredTensor> tensors;
    std::map<std::string, std::string> metadata;
};

/// Reads a file. Throws Error model_missing where it cannot be opened, model_corrupt where anything is wrong (header
/// length, JSON, dtype, shape, offsets that overlap or leave holes, a value that is not finite), with one sentence that
/// names the file, the tensor and the value.
SafeTensors read_safetensors(const std::filesystem::path& file);

/// Writes a file atomically (a temporary file beside it, renamed). half = F16, else F32. Throws Error internal where a
/// value is not finite or the file cannot be written.
void write_safetensors(const std::filesystem::path& file, const SafeTensors& content, bool half);

} // namespace chromatch
