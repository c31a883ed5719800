// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the command must know of picture files before GEGL's loaders see them, and what GEGL leaves out: libjpeg ends
// the whole program on a damaged file, and GEGL neither reads nor writes the colour profile of a WebP file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chromatch::cli {

enum class FileType { png, jpeg, tiff, webp };

using Bytes = std::vector<std::uint8_t>;

/// By the first bytes; none for anything else.
std::optional<FileType> type_of_content(const Bytes& file);

/// By a path's extension, in any case of letters; none for anything else.
std::optional<FileType> type_of_extension(const std::filesystem::path& path);

/// What is wrong with the file's outer structure ("the file ends early"), or an empty string. Walks every segment of a
/// JPEG, every chunk of a PNG or WebP; TIFF files are left to libtiff, which reports its errors.
std::string structural_fault(const Bytes& file, FileType type);

/// The PNG file without gAMA and cHRM chunks if it has an iCCP chunk, which says the same and more. (GEGL writes a gAMA
/// that is the inverse of what it should be.) Any other PNG is given back as it is.
Bytes without_png_gamma(const Bytes& file);

/// The ICC profile of a WebP file that has no structural fault; empty where it has none.
Bytes webp_profile(const Bytes& file);

/// The WebP file with `profile` embedded (WebP container specification, 2012: VP8X and ICCP chunks). `width`, `height`:
/// the picture's size in pixels.
Bytes with_webp_profile(const Bytes& file, const Bytes& profile, int width, int height);

} // namespace chromatch::cli
