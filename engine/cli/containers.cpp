// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/containers.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <functional>
#include <string_view>

namespace chromatch::cli {

namespace {

constexpr const char* cut_off = "the file ends early";

bool has_text(const Bytes& file, std::size_t at, std::string_view text)
{
    return at + text.size() <= file.size() && std::memcmp(file.data() + at, text.data(), text.size()) == 0;
}

std::uint32_t big_endian(const Bytes& file, std::size_t at, int count)
{
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i)
        value = value << 8 | file[at + i];
    return value;
}

std::uint32_t little_endian(const Bytes& file, std::size_t at, int count)
{
    std::uint32_t value = 0;
    for (int i = count; i-- > 0;)
        value = value << 8 | file[at + i];
    return value;
}

void append_little_endian(Bytes& file, std::uint32_t value, int count)
{
    for (int i = 0; i < count; ++i)
        file.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

constexpr std::string_view png_signature{"\x89PNG\r\n\x1a\n", 8};

/// Calls `use` with the offset and whole length of each chunk up to IEND. False where a chunk runs beyond the file.
bool for_png_chunks(const Bytes& file, const std::function<void(std::size_t at, std::size_t length)>& use)
{
    for (std::size_t at = png_signature.size(); at + 12 <= file.size();) {
        const std::size_t length = big_endian(file, at, 4);
        if (length > file.size() - at - 12)
            return false;
        use(at, 12 + length);
        if (has_text(file, at + 4, "IEND"))
            return true;
        at += 12 + length;
    }
    return false;
}

std::string png_fault(const Bytes& file)
{
    return for_png_chunks(file, [](std::size_t, std::size_t) {}) ? "" : cut_off;
}

/// Markers that stand alone: TEM and the restart markers.
bool is_lone_marker(std::uint8_t marker)
{
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7);
}

std::string jpeg_fault(const Bytes& file)
{
    constexpr std::uint8_t end_of_image = 0xd9, start_of_scan = 0xda;
    bool has_scan = false;
    for (std::size_t at = 2; at + 1 < file.size();) {
        // A byte of a scan, or a stray one between two segments, which libjpeg passes over, too; or a fill byte.
        const std::uint8_t marker = file[at + 1];
        if (file[at] != 0xff || marker == 0xff) {
            ++at;
            continue;
        }
        if (marker == end_of_image)
            return has_scan ? "" : "the picture itself is missing";
        if (marker == 0 || is_lone_marker(marker)) { // 0: an 0xff of the scan itself
            at += 2;
            continue;
        }
        if (at + 4 > file.size())
            break;
        const std::size_t length = big_endian(file, at + 2, 2);
        if (length < 2)
            return "a JPEG segment is damaged";
        if (length > file.size() - at - 2)
            break;
        has_scan = has_scan || marker == start_of_scan;
        at += 2 + length;
    }
    return cut_off;
}

/// Offset and length of the content of a chunk of a WebP file.
struct Chunk {
    std::size_t at;
    std::size_t length;
};

constexpr std::size_t first_webp_chunk = 12; // after "RIFF", the size, "WEBP"

/// The first chunk with that name. A file without fault has no chunk beyond its end.
std::optional<Chunk> find_webp_chunk(const Bytes& file, std::string_view name)
{
    for (std::size_t at = first_webp_chunk; at + 8 <= file.size();) {
        const std::size_t length = little_endian(file, at + 4, 4);
        if (length > file.size() - at - 8)
            break;
        if (has_text(file, at, name))
            return Chunk{at + 8, length};
        at += 8 + length + length % 2;
    }
    return {};
}

std::string webp_fault(const Bytes& file)
{
    if (little_endian(file, 4, 4) > file.size() - 8)
        return cut_off;
    if (!find_webp_chunk(file, "VP8 ") && !find_webp_chunk(file, "VP8L"))
        return find_webp_chunk(file, "ANIM") ? "animations are not supported" : cut_off;
    return "";
}

} // namespace

std::optional<FileType> type_of_content(const Bytes& file)
{
    if (has_text(file, 0, png_signature))
        return FileType::png;
    if (has_text(file, 0, "\xff\xd8\xff"))
        return FileType::jpeg;
    if (has_text(file, 0, "RIFF") && has_text(file, 8, "WEBP"))
        return FileType::webp;
    for (const std::string_view start : {std::string_view("II*\0", 4), std::string_view("MM\0*", 4),
                                         std::string_view("II+\0", 4), std::string_view("MM\0+", 4)})
        if (has_text(file, 0, start))
            return FileType::tiff;
    return {};
}

std::optional<FileType> type_of_extension(const std::filesystem::path& path)
{
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (extension == ".png")
        return FileType::png;
    if (extension == ".jpg" || extension == ".jpeg")
        return FileType::jpeg;
    if (extension == ".tif" || extension == ".tiff")
        return FileType::tiff;
    if (extension == ".webp")
        return FileType::webp;
    return {};
}

std::string structural_fault(const Bytes& file, FileType type)
{
    switch (type) {
    case FileType::png:
        return png_fault(file);
    case FileType::jpeg:
        return jpeg_fault(file);
    case FileType::webp:
        return webp_fault(file);
    case FileType::tiff:
        break;
    }
    return "";
}

Bytes without_png_gamma(const Bytes& file)
{
    bool has_profile = false;
    Bytes result(file.begin(), file.begin() + png_signature.size());
    for_png_chunks(file, [&](std::size_t at, std::size_t length) {
        has_profile = has_profile || has_text(file, at + 4, "iCCP");
        if (!has_text(file, at + 4, "gAMA") && !has_text(file, at + 4, "cHRM"))
            result.insert(result.end(), file.begin() + at, file.begin() + at + length);
    });
    return has_profile ? result : file;
}

Bytes webp_profile(const Bytes& file)
{
    const auto chunk = find_webp_chunk(file, "ICCP");
    if (!chunk)
        return {};
    return {file.begin() + chunk->at, file.begin() + chunk->at + chunk->length};
}

Bytes with_webp_profile(const Bytes& file, const Bytes& profile, int width, int height)
{
    constexpr std::uint8_t profile_flag = 0x20, alpha_flag = 0x10;
    const auto extended = find_webp_chunk(file, "VP8X");
    const auto lossless = find_webp_chunk(file, "VP8L");
    std::uint8_t flags = profile_flag;
    if (extended)
        flags |= file[extended->at];
    else if (lossless && lossless->length >= 5 && file[lossless->at + 4] & 0x10) // VP8L's own alpha bit
        flags |= alpha_flag;

    Bytes result(file.begin(), file.begin() + first_webp_chunk);
    const auto append_text = [&](std::string_view text) { result.insert(result.end(), text.begin(), text.end()); };
    append_text("VP8X");
    append_little_endian(result, 10, 4);
    append_little_endian(result, flags, 4);
    append_little_endian(result, static_cast<std::uint32_t>(width - 1), 3);
    append_little_endian(result, static_cast<std::uint32_t>(height - 1), 3);
    append_text("ICCP");
    append_little_endian(result, static_cast<std::uint32_t>(profile.size()), 4);
    result.insert(result.end(), profile.begin(), profile.end());
    if (profile.size() % 2)
        result.push_back(0);
    const std::size_t rest = extended ? extended->at + extended->length : first_webp_chunk;
    result.insert(result.end(), file.begin() + rest, file.end());
    Bytes size;
    append_little_endian(size, static_cast<std::uint32_t>(result.size() - 8), 4);
    std::copy(size.begin(), size.end(), result.begin() + 4);
    return result;
}

} // namespace chromatch::cli
