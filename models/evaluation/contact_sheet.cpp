// SPDX-License-Identifier: GPL-3.0-or-later
#include "contact_sheet.h"

#include "pictures.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace chromatch {

namespace {

constexpr int gap = 6; // pixels between pictures

} // namespace

void ContactSheet::add_row(const std::vector<const LabImage*>& images)
{
    rows_.emplace_back();
    for (const LabImage* image : images)
        rows_.back().push_back({image->l.height, image->l.width, srgb_bytes(*image)});
}

void ContactSheet::write_png(const std::filesystem::path& file) const
{
    int cell_width = 0, sheet_height = gap;
    std::size_t columns = 0;
    std::vector<int> tops;
    for (const auto& row : rows_) {
        int row_height = 0;
        for (const Picture& picture : row) {
            cell_width = std::max(cell_width, picture.width);
            row_height = std::max(row_height, picture.height);
        }
        columns = std::max(columns, row.size());
        tops.push_back(sheet_height);
        sheet_height += row_height + gap;
    }
    const int sheet_width = gap + static_cast<int>(columns) * (cell_width + gap);
    std::vector<std::uint8_t> sheet(static_cast<std::size_t>(sheet_height) * sheet_width * 3, 255);
    for (std::size_t r = 0; r < rows_.size(); ++r)
        for (std::size_t c = 0; c < rows_[r].size(); ++c) {
            const Picture& picture = rows_[r][c];
            const std::size_t left = gap + c * (cell_width + gap), line = static_cast<std::size_t>(picture.width) * 3;
            for (int y = 0; y < picture.height; ++y)
                std::copy_n(&picture.rgb[y * line], line,
                            &sheet[((tops[r] + y) * std::size_t(sheet_width) + left) * 3]);
        }
    if (!stbi_write_png(file.c_str(), sheet_width, sheet_height, 3, sheet.data(), sheet_width * 3))
        throw std::runtime_error(file.string() + ": the contact sheet cannot be written");
}

} // namespace chromatch
