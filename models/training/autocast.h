// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace chromatch {

/// Convolutions in bfloat16 as long as it lives.
class Autocast {
  public:
    explicit Autocast(torch::Device device) : type_(device.type())
    {
        at::autocast::set_autocast_dtype(type_, torch::kBFloat16);
        at::autocast::set_autocast_enabled(type_, true);
    }
    ~Autocast()
    {
        at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(type_, false);
    }
    Autocast(const Autocast&) = delete;
    Autocast& operator=(const Autocast&) = delete;

  private:
    c10::DeviceType type_;
};

} // namespace chromatch
