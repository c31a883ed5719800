// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace chromatch {

/// Rows of pictures of any sizes on a white sheet, under a line of headings; a column is as wide as the widest picture
/// of all.
class ContactSheet {
  public:
    /// In ASCII; cut off at a column's width.
    explicit ContactSheet(std::vector<std::string> headings) : headings_(std::move(headings)) {}

    /// A null or empty image leaves its cell white.
    void add_row(const std::vector<const LabImage*>& images);

    /// Throws std::runtime_error naming the file.
    void write_png(const std::filesystem::path& file) const;

  private:
    struct Picture {
        int height = 0;
        int width = 0;
        std::vector<std::uint8_t> rgb;
    };
    std::vector<std::string> headings_;
    std::vector<std::vector<Picture>> rows_;
};

} // namespace chromatch
