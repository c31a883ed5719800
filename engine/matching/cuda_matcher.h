// SPDX-License-Identifier: GPL-3.0-or-later
//
// Matching on a CUDA device, by a module that is opened at run time and never linked (cuda/). Its fields equal those of
// exact_search() and patch_match(), bit for bit.
#pragma once

#include "matching/matcher.h"
#include "matching/nearest_neighbour_field.h"

#include <memory>
#include <mutex>
#include <string>

struct chromatch_cuda_context;

namespace chromatch {

/// True where the module was found and is of this version, a device answers, and its fields for small maps equal the
/// CPU's. Finds out once in a process. why_not, where not null, gets one sentence if false. The module is the file that
/// the environment variable CHROMATCH_CUDA_MODULE names, or else the first libchromatch-cuda.so of: the folder of the
/// library (or the program) that this function is in, and chromatch/ in the user's data folder ($XDG_DATA_HOME or
/// ~/.local/share).
bool cuda_available(std::string* why_not);

/// The device's name; empty where cuda_available() is false.
std::string cuda_device_name();

/// The batches may be in the memory of the host or of the device; see cuda/chromatch_cuda.h. Throws Error as
/// exact_search() and patch_match() do, and device_unavailable or out_of_memory. Calls from several threads take turns.
Matches cuda_match(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
                   const MatchOptions& options);

/// The opened module and its device; what the functions above use.
class CudaModule {
  public:
    /// Throws Error device_unavailable or out_of_memory.
    explicit CudaModule(const std::string& path);
    ~CudaModule();
    CudaModule(const CudaModule&) = delete;
    CudaModule& operator=(const CudaModule&) = delete;

    const std::string& device_name() const { return device_name_; }

    Matches match(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
                  const MatchOptions& options);

  private:
    struct Functions;

    std::unique_ptr<Functions> functions_;
    chromatch_cuda_context* context_ = nullptr;
    std::string device_name_;
    std::mutex turn_;
};

/// Throws Error device_unavailable where the module's fields for small maps are not the CPU's.
void check_agreement(CudaModule& module);

} // namespace chromatch
