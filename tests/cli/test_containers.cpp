// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/containers.h"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace chromatch::cli;

Bytes bytes(const std::string& text)
{
    return {text.begin(), text.end()};
}

std::string little_endian(std::size_t value, int count)
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += static_cast<char>(value >> (8 * i));
    return text;
}

std::string chunk(const std::string& name, const std::string& content)
{
    return name + little_endian(content.size(), 4) + content + std::string(content.size() % 2, '\0');
}

Bytes webp(const std::string& chunks)
{
    return bytes("RIFF" + little_endian(chunks.size() + 4, 4) + "WEBP" + chunks);
}

std::string png_chunk(const std::string& name, const std::string& content)
{
    std::string text = little_endian(content.size(), 4);
    return std::string(text.rbegin(), text.rend()) + name + content + "_crc";
}

const std::string png_start("\x89PNG\r\n\x1a\n", 8);

TEST(Containers, TypesAreKnownByContentAndByName)
{
    EXPECT_EQ(type_of_content(bytes(png_start)), FileType::png);
    EXPECT_EQ(type_of_content(bytes("\xff\xd8\xff\xe0")), FileType::jpeg);
    EXPECT_EQ(type_of_content(webp("")), FileType::webp);
    EXPECT_EQ(type_of_content(bytes(std::string("II*\0", 4))), FileType::tiff);
    EXPECT_EQ(type_of_content(bytes(std::string("MM\0*", 4))), FileType::tiff);
    for (const char* other : {"", "P5 1 1", "GIF89a", "RIFF1234WAVE"})
        EXPECT_FALSE(type_of_content(bytes(other))) << other;
    EXPECT_EQ(type_of_extension("a.b/C.JPeG"), FileType::jpeg);
    EXPECT_EQ(type_of_extension("scan.tif"), FileType::tiff);
    EXPECT_FALSE(type_of_extension("scan.gif"));
    EXPECT_FALSE(type_of_extension("png"));
}

TEST(Containers, CutFilesAreFoundAtEveryLength)
{
    const std::string jpeg("\xff\xd8\xff\xe0\x00\x04zz\xff\xda\x00\x03z\x12\xff\x00\xff\xd3\x45\xff\xff\xd9", 22);
    const std::string png =
        png_start + png_chunk("IHDR", "0123456789abc") + png_chunk("IDAT", "") + png_chunk("IEND", "");
    const Bytes picture = webp(chunk("VP8 ", "pixels"));
    const std::string riff(picture.begin(), picture.end());
    for (const auto& [whole, type] : {std::pair{jpeg, FileType::jpeg}, {png, FileType::png}, {riff, FileType::webp}}) {
        EXPECT_EQ(structural_fault(bytes(whole), type), "");
        EXPECT_EQ(structural_fault(bytes(whole + "more"), type), "");
        for (std::size_t length = 12; length < whole.size(); ++length)
            EXPECT_NE(structural_fault(bytes(whole.substr(0, length)), type), "") << length;
    }
}

TEST(Containers, DamagedJpegSegmentIsFound)
{
    EXPECT_NE(structural_fault(bytes(std::string("\xff\xd8\xff\xe0\x00\x01\xff\xd9", 8)), FileType::jpeg), "");
}

TEST(Containers, JpegWithoutAScanIsFound)
{
    EXPECT_NE(structural_fault(bytes(std::string("\xff\xd8\xff\xe0\x00\x02zz\xff\xd9", 10)), FileType::jpeg), "");
}

/// As libjpeg does.
TEST(Containers, StrayBytesBetweenJpegSegmentsArePassedOver)
{
    const std::string segment("\xff\xe0\x00\x04zz", 6), scan("\xff\xda\x00\x03z\x12\x34", 7);
    for (const std::string& stray : {std::string("z"), std::string("\0\0\0", 3), std::string("z\xff\0z", 4)}) {
        const std::string whole = "\xff\xd8" + segment + stray + segment + stray + scan + "\xff\xd9";
        EXPECT_EQ(structural_fault(bytes(whole), FileType::jpeg), "");
        EXPECT_NE(structural_fault(bytes(whole.substr(0, whole.size() - 2)), FileType::jpeg), "");
    }
}

TEST(Containers, AnimatedWebpIsRefusedInWords)
{
    EXPECT_NE(
        structural_fault(webp(chunk("VP8X", "0123456789") + chunk("ANIM", "012345")), FileType::webp).find("animation"),
        std::string::npos);
}

TEST(Containers, WebpProfileGoesInAndComesOut)
{
    const std::string profile = "an odd-sized profile!";
    const Bytes plain = webp(chunk("VP8 ", "pixels"));
    EXPECT_TRUE(webp_profile(plain).empty());
    const Bytes tagged = with_webp_profile(plain, bytes(profile), 0x1234, 7);
    EXPECT_EQ(structural_fault(tagged, FileType::webp), "");
    EXPECT_EQ(webp_profile(tagged), bytes(profile));
    // RIFF header, then VP8X: flags (ICC), width - 1, height - 1; sizes agree with the file's.
    EXPECT_EQ(tagged, webp(chunk("VP8X", std::string("\x20\0\0\0\x33\x12\0\x06\0\0", 10)) + chunk("ICCP", profile) +
                           chunk("VP8 ", "pixels")));
}

TEST(Containers, WebpKeepsItsAlphaFlag)
{
    const Bytes extended =
        webp(chunk("VP8X", std::string("\x10\0\0\0\0\0\0\0\0\0", 10)) + chunk("ALPH", "a") + chunk("VP8 ", "pixels"));
    const Bytes tagged = with_webp_profile(extended, bytes("p"), 1, 1);
    EXPECT_EQ(tagged, webp(chunk("VP8X", std::string("\x30\0\0\0\0\0\0\0\0\0", 10)) + chunk("ICCP", "p") +
                           chunk("ALPH", "a") + chunk("VP8 ", "pixels")));
    const Bytes lossless = webp(chunk("VP8L", std::string("\x2f\0\0\0\x10pixels", 11)));
    EXPECT_EQ(with_webp_profile(lossless, bytes("p"), 1, 1)[20], 0x30);
}

TEST(Containers, PngGammaGivesWayToAProfileOnly)
{
    const std::string head = png_start + png_chunk("IHDR", "0123456789abc"),
                      gamma = png_chunk("gAMA", "1234") + png_chunk("cHRM", "12"), profile = png_chunk("iCCP", "p"),
                      end = png_chunk("IDAT", "pixels") + png_chunk("IEND", "");
    EXPECT_EQ(without_png_gamma(bytes(head + gamma + profile + end)), bytes(head + profile + end));
    EXPECT_EQ(without_png_gamma(bytes(head + gamma + end)), bytes(head + gamma + end));
}

} // namespace
