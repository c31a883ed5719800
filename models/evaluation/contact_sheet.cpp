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
#include <stb_easy_font.h>
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace chromatch {

namespace {

constexpr int gap = 6;             // pixels between pictures
constexpr int heading_height = 14; // of a line of stb_easy_font's letters

/// A white picture that letters and pictures are put on: 8-bit sRGB.
struct Canvas {
    int height, width;
    std::vector<std::uint8_t> rgb;

    Canvas(int rows, int columns) : height(rows), width(columns), rgb(static_cast<std::size_t>(rows) * columns * 3, 255)
    {
    }
    std::uint8_t* at(int y, int x) { return &rgb[(static_cast<std::size_t>(y) * width + x) * 3]; }
};

/// Black letters with their upper left corner at (left, top), cut off before `right`.
void write_text(Canvas& canvas, const std::string& text, int top, int left, int right)
{
    // The font gives every stroke as a rectangle: four corners of x, y, z (float) and a colour (4 bytes).
    constexpr std::size_t bytes_per_letter = 300; // by its own documentation 270
    struct Corner {
        float x, y, z;
        std::uint32_t colour;
    };
    std::vector<Corner> corners(bytes_per_letter * (text.size() + 1) / sizeof(Corner));
    std::string letters = text;
    const int quads = stb_easy_font_print(0, 0, letters.data(), nullptr, corners.data(),
                                          static_cast<int>(corners.size() * sizeof(Corner)));
    for (int quad = 0; quad < quads; ++quad) {
        const Corner &from = corners[4 * quad], &to = corners[4 * quad + 2];
        for (int y = top + static_cast<int>(from.y); y < std::min(canvas.height, top + static_cast<int>(to.y)); ++y)
            for (int x = left + static_cast<int>(from.x); x < std::min(right, left + static_cast<int>(to.x)); ++x)
                std::fill_n(canvas.at(y, x), 3, std::uint8_t{0});
    }
}

} // namespace

void ContactSheet::add_row(const std::vector<const LabImage*>& images)
{
    rows_.emplace_back();
    for (const LabImage* image : images) {
        rows_.back().emplace_back();
        if (image && !image->l.empty())
            rows_.back().back() = {image->l.height, image->l.width, srgb_bytes(*image)};
    }
}

void ContactSheet::write_png(const std::filesystem::path& file) const
{
    int cell_width = 0, sheet_height = gap + heading_height;
    std::size_t columns = headings_.size();
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
    const auto left_of = [&](std::size_t column) { return gap + static_cast<int>(column) * (cell_width + gap); };
    Canvas sheet(sheet_height, left_of(columns));
    for (std::size_t c = 0; c < headings_.size(); ++c)
        write_text(sheet, headings_[c], gap, left_of(c), left_of(c) + cell_width);
    for (std::size_t r = 0; r < rows_.size(); ++r)
        for (std::size_t c = 0; c < rows_[r].size(); ++c) {
            const Picture& picture = rows_[r][c];
            const std::size_t line = static_cast<std::size_t>(picture.width) * 3;
            for (int y = 0; y < picture.height; ++y)
                std::copy_n(&picture.rgb[y * line], line, sheet.at(tops[r] + y, left_of(c)));
        }
    if (!stbi_write_png(file.c_str(), sheet.width, sheet.height, 3, sheet.rgb.data(), sheet.width * 3))
        throw std::runtime_error(file.string() + ": the contact sheet cannot be written");
}

} // namespace chromatch
