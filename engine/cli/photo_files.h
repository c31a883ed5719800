// SPDX-License-Identifier: GPL-3.0-or-later
//
// Photos between files and the engine, through GEGL: PNG, JPEG, TIFF and WebP.
#pragma once

#include "chromatch.h"
#include "cli/containers.h"

#include <filesystem>
#include <memory>
#include <stdexcept>

struct _GeglBuffer;

namespace chromatch::cli {

/// A file cannot be read or written; what() is one sentence that names it.
struct FileError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Starts GEGL, without OpenCL and without a swap file, and has SIGHUP, SIGINT and SIGTERM remove an unfinished file.
/// Once, before anything else here.
void start_gegl();

struct BufferRelease {
    void operator()(_GeglBuffer* buffer) const;
};
using Buffer = std::unique_ptr<_GeglBuffer, BufferRelease>;

/// A photo as its file has it (bit depth, colour space, alpha), turned upright by its EXIF orientation.
struct PhotoFile {
    FileType type;
    Buffer pixels;
    int height;
    int width;
};

/// Throws FileError.
PhotoFile read_photo(const std::filesystem::path& path);

/// L of every pixel, clamped to [0, 100]; 0 where a float file has no number.
Plane luminance_of(const PhotoFile& photo);

/// The photo as a reference, within what sRGB can show; its mask is the photo's alpha.
Reference reference_of(const PhotoFile& photo);

/// Writes the target's pixels with new chroma: L, alpha, and (as far as the type of `path` allows) the bit depth are
/// the target's. The colours are in the target's RGB space with its profile; sRGB where the target has a gray or CMYK
/// profile. Pixels of a float file that are no numbers or infinite stay so. `l`, `a`, `b`: the target's size. The file
/// appears whole or not at all. Throws FileError.
void write_coloured(const PhotoFile& target, const Plane& l, const Plane& a, const Plane& b,
                    const std::filesystem::path& path);

/// Writes values in [0, 1] as an 8-bit gray picture, 1 as white. Throws FileError.
void write_gray(const Plane& values, const std::filesystem::path& path);

} // namespace chromatch::cli
