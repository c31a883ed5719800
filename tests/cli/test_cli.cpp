// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs the built chromatch (its path in $CHROMATCH_PROGRAM) on photos that GEGL writes here. What needs the weights is
// skipped where $CHROMATCH_MODELS has none.
#include "chromatch.h"
#include "cli/containers.h"

#include <gegl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace {

namespace fs = std::filesystem;
using chromatch::cli::Bytes;

constexpr int width = 72, height = 48;

struct Outcome {
    int status = -1;
    std::string out;
    std::string err;
};

/// A picture read back: its own format, and its pixels as linear sRGB with alpha.
struct Picture {
    std::string format; ///< without the space: "R'G'B' u8"
    std::string profile;
    bool srgb = false;
    int height = 0;
    int width = 0;
    std::vector<float> rgba;

    float l(int y, int x) const
    {
        float lab[3];
        chromatch::linear_rgb_to_lab(&rgba[4 * (static_cast<std::size_t>(y) * width + x)], lab);
        return lab[0];
    }
};

/// A gray gradient without any symmetry, from dark to light.
float gray_at(int y, int x)
{
    return 0.1f + 0.5f * x / width + 0.3f * y / height;
}

class Cli : public testing::Test {
  protected:
    static void SetUpTestSuite()
    {
        g_setenv("BABL_LUT", "0", FALSE);
        g_object_set(gegl_config(), "use-opencl", FALSE, "swap", "RAM", nullptr);
        gegl_init(nullptr, nullptr);
    }

    void SetUp() override
    {
        ASSERT_NE(std::getenv("CHROMATCH_PROGRAM"), nullptr);
        std::string pattern = (fs::temp_directory_path() / "chromatch-cli-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    static Outcome run(std::vector<std::string> words)
    {
        words.insert(words.begin(), std::getenv("CHROMATCH_PROGRAM"));
        std::vector<char*> arguments;
        for (std::string& word : words)
            arguments.push_back(word.data());
        arguments.push_back(nullptr);
        char *out = nullptr, *err = nullptr;
        int wait_status = 0;
        Outcome outcome;
        if (g_spawn_sync(nullptr, arguments.data(), nullptr, G_SPAWN_DEFAULT, nullptr, nullptr, &out, &err,
                         &wait_status, nullptr)) {
            outcome.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
            outcome.out = out;
            outcome.err = err;
        }
        g_free(out);
        g_free(err);
        return outcome;
    }

    static bool have_weights()
    {
        const char* folder = std::getenv("CHROMATCH_MODELS");
        return folder && fs::exists(fs::path(folder) / "colorization.safetensors");
    }

    /// Writes the gradient in `format`; alpha, where there is one, falls from left to right.
    std::string make(const std::string& name, const Babl* format) const
    {
        const GeglRectangle extent{0, 0, width, height};
        GeglBuffer* buffer = gegl_buffer_new(&extent, format);
        const Babl* plain = babl_format_with_space("R'G'B'A float", format);
        std::vector<float> values;
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                const float gray = gray_at(y, x);
                values.insert(values.end(), {gray, gray, gray, 1.0f - 0.5f * x / width});
            }
        gegl_buffer_set(buffer, &extent, 0, plain, values.data(), GEGL_AUTO_ROWSTRIDE);
        save(buffer, name);
        g_object_unref(buffer);
        return path(name);
    }

    std::string make(const std::string& name, const char* format) const { return make(name, babl_format(format)); }

    /// Green paint on the left half of a transparent picture.
    std::string paint(const std::string& name) const
    {
        const GeglRectangle extent{0, 0, width, height};
        GeglBuffer* buffer = gegl_buffer_new(&extent, babl_format("R'G'B'A u8"));
        std::vector<float> values;
        for (int i = 0; i < width * height; ++i)
            values.insert(values.end(), {0.2f, 0.6f, 0.1f, i % width < width / 2 ? 1.0f : 0.0f});
        gegl_buffer_set(buffer, &extent, 0, babl_format("R'G'B'A float"), values.data(), GEGL_AUTO_ROWSTRIDE);
        save(buffer, name);
        g_object_unref(buffer);
        return path(name);
    }

    static Picture read(const std::string& file)
    {
        GeglNode* graph = gegl_node_new();
        GeglBuffer* buffer = nullptr;
        GeglNode* load = gegl_node_new_child(graph, "operation", "gegl:load", "path", file.c_str(), nullptr);
        GeglNode* sink = gegl_node_new_child(graph, "operation", "gegl:buffer-sink", "buffer", &buffer, nullptr);
        gegl_node_link(load, sink);
        gegl_node_process(sink);
        const Babl* format = gegl_buffer_get_format(buffer);
        const Babl* space = babl_format_get_space(format);
        int length = 0;
        const char* icc = babl_space_get_icc(space, &length);
        Picture picture{babl_format_get_encoding(format), icc ? std::string(icc, length) : "",
                        space == babl_space("sRGB"),      gegl_buffer_get_height(buffer),
                        gegl_buffer_get_width(buffer),    {}};
        picture.rgba.resize(4 * static_cast<std::size_t>(picture.height) * picture.width);
        const GeglRectangle extent{0, 0, picture.width, picture.height};
        gegl_buffer_get(buffer, &extent, 1.0, babl_format("RGBA float"), picture.rgba.data(), GEGL_AUTO_ROWSTRIDE,
                        GEGL_ABYSS_NONE);
        g_object_unref(buffer);
        g_object_unref(graph);
        return picture;
    }

    static double mean_delta_l(const Picture& first, const Picture& second)
    {
        double sum = 0;
        for (int y = 0; y < first.height; ++y)
            for (int x = 0; x < first.width; ++x)
                sum += std::abs(first.l(y, x) - second.l(y, x));
        return sum / (first.height * first.width);
    }

    static double alpha_difference(const Picture& first, const Picture& second)
    {
        double most = 0;
        for (std::size_t i = 3; i < first.rgba.size(); i += 4)
            most = std::max(most, std::abs(double(first.rgba[i]) - second.rgba[i]));
        return most;
    }

    static Bytes file_bytes(const std::string& file)
    {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    static void write_bytes(const std::string& file, const Bytes& bytes)
    {
        std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }

    /// Puts a JPEG segment right after the start marker, in the place of any others with that marker.
    static void set_segment(const std::string& file, std::uint8_t marker, const std::string& content)
    {
        const Bytes bytes = file_bytes(file);
        const std::size_t length = content.size() + 2;
        Bytes result{0xff, 0xd8, 0xff, marker, std::uint8_t(length >> 8), std::uint8_t(length)};
        result.insert(result.end(), content.begin(), content.end());
        std::size_t at = 2;
        while (bytes[at + 1] != 0xda) { // the scan
            const std::size_t next = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
            if (bytes[at + 1] != marker)
                result.insert(result.end(), bytes.begin() + at, bytes.begin() + next);
            at = next;
        }
        result.insert(result.end(), bytes.begin() + at, bytes.end());
        write_bytes(file, result);
    }

    /// Names of the files in the test's folder.
    std::vector<std::string> listing() const
    {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder_))
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }

  private:
    void save(GeglBuffer* buffer, const std::string& name) const
    {
        const std::string file = path(name), extension = fs::path(name).extension().string();
        const char* operation = extension == ".png"    ? "gegl:png-save"
                                : extension == ".jpg"  ? "gegl:jpg-save"
                                : extension == ".webp" ? "gegl:webp-save"
                                                       : "gegl:tiff-save";
        GeglNode* graph = gegl_node_new();
        GeglNode* source = gegl_node_new_child(graph, "operation", "gegl:buffer-source", "buffer", buffer, nullptr);
        GeglNode* saver = gegl_node_new_child(graph, "operation", operation, "path", file.c_str(), nullptr);
        const Babl* format = gegl_buffer_get_format(buffer);
        if (extension == ".png")
            gegl_node_set(saver, "bitdepth", babl_format_get_type(format, 0) == babl_type("u8") ? 8 : 16, nullptr);
        if (extension == ".jpg")
            gegl_node_set(saver, "grayscale", babl_format_get_n_components(format) == 1, "quality", 98, nullptr);
        if (extension == ".webp")
            gegl_node_set(saver, "quality", 98, nullptr);
        gegl_node_link(source, saver);
        gegl_node_process(saver);
        g_object_unref(graph);
    }

    fs::path folder_;
};

/// The tests that colour.
class CliColouring : public Cli {
  protected:
    void SetUp() override
    {
        Cli::SetUp();
        if (!have_weights())
            GTEST_SKIP() << "no weights in $CHROMATCH_MODELS";
    }

    /// Colours one photo and compares: format, size, L and alpha.
    void expect_kept(const std::string& target, const std::string& result, const std::string& format, double delta_l)
    {
        const Outcome outcome = run({target, "--size", "64"});
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_EQ(outcome.err, "");
        EXPECT_EQ(outcome.out, result + "\n");
        const Picture before = read(target), after = read(result);
        EXPECT_EQ(after.format, format);
        ASSERT_EQ(after.width, before.width);
        ASSERT_EQ(after.height, before.height);
        EXPECT_LT(mean_delta_l(before, after), delta_l);
        EXPECT_LT(alpha_difference(before, after), 0.003);
    }
};

TEST_F(CliColouring, EightBitPng)
{
    expect_kept(make("g.png", "Y' u8"), path("g-color.png"), "R'G'B' u8", 0.3);
}

TEST_F(CliColouring, SixteenBitPng)
{
    expect_kept(make("g.png", "Y' u16"), path("g-color.png"), "R'G'B' u16", 0.01);
}

TEST_F(CliColouring, PngWithAlpha)
{
    expect_kept(make("g.png", "Y'A u8"), path("g-color.png"), "R'G'B'A u8", 0.3);
    expect_kept(make("h.png", "R'G'B'A u16"), path("h-color.png"), "R'G'B'A u16", 0.01);
}

TEST_F(CliColouring, Jpeg)
{
    expect_kept(make("g.jpg", "Y' u8"), path("g-color.jpg"), "R'G'B' u8", 0.5);
}

TEST_F(CliColouring, Webp)
{
    expect_kept(make("g.webp", "R'G'B' u8"), path("g-color.webp"), "R'G'B' u8", 1);
    expect_kept(make("h.webp", "R'G'B'A u8"), path("h-color.webp"), "R'G'B'A u8", 1);
}

TEST_F(CliColouring, Tiff)
{
    expect_kept(make("g.tif", "Y' u8"), path("g-color.tif"), "R'G'B' u8", 0.3);
    expect_kept(make("h.tiff", "Y'A u16"), path("h-color.tiff"), "R'G'B'A u16", 0.01);
    expect_kept(make("i.tif", "R'G'B' float"), path("i-color.tif"), "R'G'B' float", 0.01);
}

/// babl takes the fastest of the conversions within its tolerance, by the clock. A large tolerance allows coarse ones,
/// so that bytes that are up to the clock show at once.
TEST_F(CliColouring, BytesAreNotUpToTheClock)
{
    const std::string reference = make("r.png", "R'G'B' u8");
    for (const char* format : {"R'G'B' u16", "R'G'B' float"}) {
        const std::string target = make("g.tif", format), result = path("g-color.tif");
        Bytes bytes[2];
        for (const bool coarse : {false, true}) {
            if (coarse)
                g_setenv("BABL_TOLERANCE", "0.1", TRUE);
            const Outcome outcome = run({target, "--reference", reference, "--size", "64"});
            g_unsetenv("BABL_TOLERANCE");
            ASSERT_EQ(outcome.status, 0) << outcome.err;
            bytes[coarse] = file_bytes(result);
        }
        EXPECT_TRUE(bytes[0] == bytes[1]) << format;
    }
}

TEST_F(CliColouring, ProfileOfAnRgbTargetIsKept)
{
    const Babl* space = babl_space("Adobish");
    int length = 0;
    const char* icc = babl_space_get_icc(space, &length);
    const std::string profile(icc, length);
    for (const auto& [name, format] :
         {std::pair{"g.png", "R'G'B' u16"}, {"g.tif", "R'G'B' u8"}, {"g.jpg", "R'G'B' u8"}}) {
        const std::string target = make(name, babl_format_with_space(format, space));
        const Picture before = read(target);
        ASSERT_EQ(before.profile, profile) << name;
        const std::string result = path("color-" + std::string(name));
        ASSERT_EQ(run({target, "--size", "64", "--output", result}).status, 0) << name;
        const Picture after = read(result);
        EXPECT_EQ(after.profile, profile) << name;
        EXPECT_LT(mean_delta_l(before, after), 0.5) << name;
    }
}

TEST_F(CliColouring, ProfileOfAWebpTargetIsKept)
{
    // GEGL does not see a WebP's profile: the file's values are taken under the profile's name for comparison.
    const Babl* space = babl_space("Adobish");
    int length = 0;
    const char* icc = babl_space_get_icc(space, &length);
    const Bytes profile(icc, icc + length);
    const std::string target = make("g.webp", "R'G'B' u8");
    write_bytes(target, chromatch::cli::with_webp_profile(file_bytes(target), profile, width, height));
    const Outcome outcome = run({target, "--strength", "0"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(chromatch::cli::webp_profile(file_bytes(path("g-color.webp"))), profile);
    EXPECT_LT(mean_delta_l(read(target), read(path("g-color.webp"))), 0.5);
}

/// A gray ICC profile (version 2) with a pure gamma.
std::string gray_profile(double gamma)
{
    const auto number = [](std::uint32_t value, int bytes) {
        std::string text;
        for (int i = bytes; i-- > 0;)
            text += static_cast<char>(value >> (8 * i));
        return text;
    };
    const std::string white = number(0xf6d6, 4) + number(0x10000, 4) + number(0xd32d, 4); // D50
    const std::pair<std::string, std::string> tags[] = {
        {"desc", "desc" + number(0, 4) + number(5, 4) + std::string("gray\0", 5) + std::string(80, '\0')},
        {"cprt", "text" + number(0, 4) + std::string("none\0\0\0\0", 8)},
        {"wtpt", "XYZ " + number(0, 4) + white},
        {"kTRC", "curv" + number(0, 4) + number(1, 4) + number(std::lround(gamma * 256), 2) + number(0, 2)}};
    std::string table = number(4, 4), content;
    for (const auto& [name, data] : tags) {
        table += name + number(128 + 4 + 12 * 4 + content.size(), 4) + number(data.size(), 4);
        content += data + std::string((4 - data.size() % 4) % 4, '\0');
    }
    std::string header = number(128 + table.size() + content.size(), 4) + "none" + number(0x02400000, 4) +
                         "mntrGRAYXYZ " + std::string(12, '\0') + "acsp" + std::string(28, '\0') + white;
    header.resize(128, '\0');
    return header + table + content;
}

TEST_F(CliColouring, GrayProfileIsReadAndTheResultIsSrgb)
{
    const std::string target = make("g.jpg", "Y' u8");
    set_segment(target, 0xe2, std::string("ICC_PROFILE\0\1\1", 14) + gray_profile(1.8));
    const Outcome outcome = run({target, "--output", path("g.png")});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Picture result = read(path("g.png"));
    EXPECT_TRUE(result.srgb);
    double most = 0;
    for (int y = 4; y < height; y += 8)
        for (int x = 4; x < width; x += 8) {
            const double expected = 116 * std::cbrt(std::pow(gray_at(y, x), 1.8)) - 16; // CIE 15
            most = std::max(most, std::abs(result.l(y, x) - expected));
        }
    EXPECT_LT(most, 1.0);
}

/// An EXIF segment with nothing but an orientation.
std::string exif_orientation(char orientation)
{
    return std::string("Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0", 25) + orientation +
           std::string("\0\0\0\0\0\0", 6);
}

TEST_F(CliColouring, ExifOrientationTurnsThePhotoUpright)
{
    const std::string upright = make("g.jpg", "Y' u8");
    const Picture stored = read(upright);
    // EXIF 2.3: where the upright picture's pixel (y, x) lies in the stored one.
    using Place = std::pair<int, int>;
    const std::function<Place(int, int)> places[] = {[](int y, int x) { return Place{y, x}; },
                                                     [](int y, int x) { return Place{y, width - 1 - x}; },
                                                     [](int y, int x) { return Place{height - 1 - y, width - 1 - x}; },
                                                     [](int y, int x) { return Place{height - 1 - y, x}; },
                                                     [](int y, int x) { return Place{x, y}; },
                                                     [](int y, int x) { return Place{height - 1 - x, y}; },
                                                     [](int y, int x) { return Place{height - 1 - x, width - 1 - y}; },
                                                     [](int y, int x) { return Place{x, width - 1 - y}; }};
    for (int orientation = 1; orientation <= 8; ++orientation) {
        const std::string target = path("turned.jpg");
        fs::copy_file(upright, target, fs::copy_options::overwrite_existing);
        set_segment(target, 0xe1, exif_orientation(static_cast<char>(orientation)));
        ASSERT_EQ(run({target, "--size", "64", "--strength", "0", "--output", path("result.png")}).status, 0);
        const Picture result = read(path("result.png"));
        ASSERT_EQ(result.width, orientation < 5 ? width : height);
        ASSERT_EQ(result.height, orientation < 5 ? height : width);
        double most = 0;
        for (int y = 0; y < result.height; ++y)
            for (int x = 0; x < result.width; ++x) {
                const auto [from_y, from_x] = places[orientation - 1](y, x);
                most = std::max(most, std::abs(double(result.l(y, x)) - stored.l(from_y, from_x)));
            }
        EXPECT_LT(most, 0.5) << "orientation " << orientation;
    }
}

TEST_F(CliColouring, SeveralTargetsShareOneRunAndJsonTellsAboutThem)
{
    const std::string first = make("one.png", "Y' u8"), second = make("two.jpg", "Y' u8");
    const std::string reference = make("reference.webp", "R'G'B' u8");
    fs::create_directory(path("out"));
    const Outcome outcome = run({first, second, "--reference", reference, "--output", path("out"), "--confidence",
                                 path("out"), "--json", "--size", "64", "--seed", "7", "--device", "cpu"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const auto report = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(report.at("references").size(), 1u);
    ASSERT_EQ(report.at("targets").size(), 2u);
    EXPECT_EQ(report["targets"][0].at("output"), path("out/one-color.png"));
    EXPECT_EQ(report["targets"][1].at("output"), path("out/two-color.jpg"));
    for (const auto& target : report["targets"]) {
        EXPECT_TRUE(fs::exists(target.at("output").get<std::string>()));
        EXPECT_EQ(target.at("width"), width);
        EXPECT_EQ(target.at("height"), height);
        EXPECT_GE(target.at("working_height").get<int>(), 1);
        EXPECT_EQ(target.at("device"), "cpu");
        EXPECT_EQ(target.at("stage_seconds").size(), std::size_t(chromatch::stage_count));
        EXPECT_GE(target.at("confidence_mean").get<double>(), 0);
        EXPECT_LE(target.at("confidence_mean").get<double>(), 1);
        EXPECT_GT(target.at("total_seconds").get<double>(), 0);
        const Picture confidence = read(target.at("confidence").get<std::string>());
        EXPECT_EQ(confidence.format, "Y' u8");
        EXPECT_EQ(confidence.width, width);
    }
    EXPECT_GT(report.at("peak_memory_bytes").get<std::int64_t>(), 1 << 20);
    EXPECT_LT(report.at("peak_memory_bytes").get<std::int64_t>(), std::int64_t{3} << 29);
    EXPECT_GT(report.at("total_seconds").get<double>(), 0);
}

TEST_F(CliColouring, SameCommandSameBytes)
{
    const std::string target = make("g.png", "Y' u8"), reference = make("r.jpg", "R'G'B' u8");
    ASSERT_EQ(run({target, "--reference", reference, "--output", path("1.png")}).status, 0);
    ASSERT_EQ(run({target, "--reference", reference, "--output", path("2.png")}).status, 0);
    EXPECT_EQ(file_bytes(path("1.png")), file_bytes(path("2.png")));
}

TEST_F(CliColouring, StrengthZeroIsGray)
{
    ASSERT_EQ(run({make("g.png", "Y' u16"), "--strength=0", "--output", path("gray.png")}).status, 0);
    const Picture result = read(path("gray.png"));
    for (std::size_t i = 0; i < result.rgba.size(); i += 4) {
        EXPECT_NEAR(result.rgba[i], result.rgba[i + 1], 1e-3);
        EXPECT_NEAR(result.rgba[i], result.rgba[i + 2], 1e-3);
    }
}

TEST_F(CliColouring, HintsAreObeyed)
{
    const std::string target = make("g.png", "Y' u8");
    const Outcome outcome = run({target, "--hints", paint("hints.png"), "--output", path("hinted.png")});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Picture result = read(path("hinted.png"));
    double green = 0, red = 0;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width / 2; ++x) {
            const float* rgba = &result.rgba[4 * (static_cast<std::size_t>(y) * width + x)];
            red += rgba[0];
            green += rgba[1];
        }
    EXPECT_GT(green, 1.3 * red);
}

TEST_F(Cli, HintsThatCannotBeUsedAreRefused)
{
    const std::string target = make("g.png", "Y' u8");
    const Outcome outcome = run({target, "--hints", make("opaque.png", "R'G'B' u8")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_NE(outcome.err.find(path("opaque.png") + ": the hints cover the whole picture"), std::string::npos)
        << outcome.err;
}

TEST_F(CliColouring, OneMissingTargetDoesNotStopTheOthers)
{
    const Outcome outcome = run({path("absent.png"), make("g.png", "Y' u8")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_EQ(outcome.err, "chromatch: " + path("absent.png") + " does not exist.\n");
    EXPECT_TRUE(fs::exists(path("g-color.png")));
}

TEST_F(CliColouring, NothingButTheResultIsLeftBehind)
{
    ASSERT_EQ(run({make("g.webp", "R'G'B' u8")}).status, 0);
    EXPECT_EQ(listing(), (std::vector<std::string>{"g-color.webp", "g.webp"}));
}

TEST_F(Cli, MissingFilesAreNamedInOneSentence)
{
    Outcome outcome = run({path("absent.png")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_EQ(outcome.err, "chromatch: " + path("absent.png") + " does not exist.\n");
    outcome = run({make("g.png", "Y' u8"), "--reference", path("absent.jpg")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_EQ(outcome.err, "chromatch: " + path("absent.jpg") + " does not exist.\n");
    outcome = run({path("g.png"), "--models", path("nowhere")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_NE(outcome.err.find(path("nowhere")), std::string::npos) << outcome.err;
}

TEST_F(Cli, DamagedFilesAreNamed)
{
    for (const char* name : {"g.png", "g.jpg", "g.webp"}) {
        Bytes bytes = file_bytes(make(name, "R'G'B' u8"));
        bytes.resize(bytes.size() / 2);
        write_bytes(path(name), bytes);
        const Outcome outcome = run({path(name)});
        EXPECT_EQ(outcome.status, 70) << name;
        EXPECT_NE(outcome.err.find(path(name) + " is damaged"), std::string::npos) << outcome.err;
    }
    // libjpeg would end the program by itself here.
    Bytes bytes = file_bytes(make("g.jpg", "Y' u8"));
    for (std::size_t i = 0; i + 6 < bytes.size(); ++i)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc4) {
            std::fill_n(bytes.begin() + i + 5, 2, 0xff);
            break;
        }
    write_bytes(path("g.jpg"), bytes);
    const Outcome outcome = run({path("g.jpg")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_NE(outcome.err.find("chromatch: " + path("g.jpg") + " is damaged"), std::string::npos) << outcome.err;
    write_bytes(path("text.png"), {'t', 'e', 'x', 't'});
    EXPECT_NE(run({path("text.png")}).err.find("is not a PNG, JPEG, TIFF or WebP file"), std::string::npos);
}

TEST_F(Cli, WrongUsageIsStatus64AndNamesTheValue)
{
    const std::string target = make("g.png", "Y' u8");
    const std::pair<std::vector<std::string>, std::string> commands[] = {
        {{}, "No photo was named"},
        {{target, "--sizes", "3"}, "--sizes"},
        {{target, "--size", "32"}, "\"32\""},
        {{target, "--size", "many"}, "\"many\""},
        {{target, "--strength", "2.5"}, "\"2.5\""},
        {{target, "--strength", "nan"}, "\"nan\""},
        {{target, "--device", "gpu"}, "\"gpu\""},
        {{target, "--seed", "-1"}, "\"-1\""},
        {{target, "--output", path("g.gif")}, "g.gif"},
        {{target, "--output", path("no/where.png")}, "no/where.png"},
        {{target, target, "--output", path("one.png")}, "one.png"},
        {{target, target}, "written twice"},
        {{target, target, "--hints", target}, "hints belong to one photo"},
    };
    for (const auto& [words, part] : commands) {
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.status, 64) << part;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
    EXPECT_EQ(listing(), std::vector<std::string>{"g.png"});
}

TEST_F(Cli, AnInputIsNeverOverwritten)
{
    const std::string target = make("g.png", "Y' u8"), reference = make("r.png", "R'G'B' u8");
    const Bytes before = file_bytes(target);
    fs::create_symlink("g.png", path("link.png"));
    const std::vector<std::string> commands[] = {{target, "--output", target},
                                                 {target, "--output", path("./g.png")},
                                                 {target, "--output", path("link.png")},
                                                 {target, "--reference", reference, "--output", reference},
                                                 {target, "--confidence", target}};
    for (const auto& words : commands) {
        const Outcome outcome = run(words);
        EXPECT_EQ(outcome.status, 64);
        EXPECT_NE(outcome.err.find("would overwrite"), std::string::npos) << outcome.err;
    }
    EXPECT_EQ(file_bytes(target), before);
}

TEST_F(Cli, HelpAndVersion)
{
    const Outcome help = run({"--help"});
    EXPECT_EQ(help.status, 0);
    for (const char* option : {"--reference", "--output", "--confidence", "--size", "--strength", "--device", "--seed",
                               "--json", "--models"})
        EXPECT_NE(help.out.find(option), std::string::npos) << option;
    const Outcome version = run({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.out.rfind("chromatch ", 0), 0u);
}

} // namespace
