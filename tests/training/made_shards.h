// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tar shards of made JPEGs, and tests with a folder for them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>
#pragma GCC diagnostic pop

/// rgb: height x width x 3.
inline std::string jpeg(int height, int width, const std::vector<std::uint8_t>& rgb)
{
    std::string bytes;
    stbi_write_jpg_to_func(
        [](void* to, void* data, int size) { static_cast<std::string*>(to)->append(static_cast<char*>(data), size); },
        &bytes, width, height, 3, rgb.data(), 95);
    return bytes;
}

/// A JPEG of one colour: height x width.
inline std::string jpeg(int height, int width, std::uint8_t red, std::uint8_t green, std::uint8_t blue)
{
    std::vector<std::uint8_t> rgb;
    for (int i = 0; i < height * width; ++i)
        rgb.insert(rgb.end(), {red, green, blue});
    return jpeg(height, width, rgb);
}

/// One USTAR member: header, content, padding.
inline std::string member(const std::string& name, const std::string& content, char type = '0',
                          const std::string& prefix = "")
{
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
    const auto octal = [](unsigned long value, int digits) {
        char text[24]; // 22 digits hold any value
        std::snprintf(text, sizeof text, "%0*lo", digits, value);
        return std::string(text);
    };
    put(0, name);
    put(100, "0000644");
    put(124, octal(content.size(), 11));
    put(136, octal(0, 11));
    put(148, "        ");
    header[156] = type;
    put(257, std::string("ustar\0", 6) + "00");
    put(345, prefix);
    unsigned long sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    put(148, octal(sum, 6) + std::string("\0 ", 2));
    return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

inline const std::string archive_end(1024, '\0');

/// Each test has an empty folder of its own.
class ShardFolder : public testing::Test {
  protected:
    void SetUp() override
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "chromatch-shards-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path folder_;
};
