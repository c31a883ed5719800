// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs that succeed, wrong usage and damaged photos.
#include "cli_sandbox.h"

#include <nlohmann/json.hpp>

#include <functional>

namespace {

using namespace testing_cli;

/// Colours one photo and compares: format, size, L and alpha.
class CliFormats : public CliColouring {
  protected:
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

TEST_F(CliFormats, EightBitPng)
{
    expect_kept(make("g.png", "Y' u8"), path("g-color.png"), "R'G'B' u8", 0.3);
}

TEST_F(CliFormats, SixteenBitPng)
{
    expect_kept(make("g.png", "Y' u16"), path("g-color.png"), "R'G'B' u16", 0.01);
}

TEST_F(CliFormats, PngWithAlpha)
{
    expect_kept(make("g.png", "Y'A u8"), path("g-color.png"), "R'G'B'A u8", 0.3);
    expect_kept(make("h.png", "R'G'B'A u16"), path("h-color.png"), "R'G'B'A u16", 0.01);
}

TEST_F(CliFormats, Jpeg)
{
    expect_kept(make("g.jpg", "Y' u8"), path("g-color.jpg"), "R'G'B' u8", 0.5);
}

TEST_F(CliFormats, Webp)
{
    expect_kept(make("g.webp", "R'G'B' u8"), path("g-color.webp"), "R'G'B' u8", 1);
    expect_kept(make("h.webp", "R'G'B'A u8"), path("h-color.webp"), "R'G'B'A u8", 1);
}

TEST_F(CliFormats, Tiff)
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

TEST_F(CliColouring, OneMissingFolderDoesNotStopTheOthers)
{
    const Outcome outcome = run({path("nowhere/old.png"), make("g.png", "Y' u8")});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_EQ(outcome.err, "chromatch: " + path("nowhere/old.png") + " does not exist.\n");
    EXPECT_TRUE(fs::exists(path("g-color.png")));
}

/// As an old camera's writer left them; libjpeg takes such a file with a warning.
TEST_F(CliColouring, StrayBytesBetweenJpegSegmentsAreNoDamage)
{
    Bytes bytes = file_bytes(make("g.jpg", "R'G'B' u8"));
    const std::size_t second = 4 + std::size_t{bytes[4]} * 256 + bytes[5];
    ASSERT_EQ(bytes[second], 0xff);
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(second), {'z', 0, 'z'});
    write_bytes(path("g.jpg"), bytes);
    const Outcome outcome = run({path("g.jpg")});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(fs::exists(path("g-color.jpg")));
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
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
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
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    write_bytes(path("text.png"), {'t', 'e', 'x', 't'});
    EXPECT_NE(run({path("text.png")}).err.find("is not a PNG, JPEG, TIFF or WebP file"), std::string::npos);
}

TEST_F(Cli, WrongUsageIsStatus64AndNamesTheValue)
{
    const std::string target = make("g.png", "Y' u8");
    const std::pair<std::vector<std::string>, std::string> commands[] = {
        {{}, "No photo was named"},
        {{""}, "name is empty"},
        {{target, "--reference", ""}, "name is empty"},
        {{target, "--output", ""}, "--output wants a name"},
        {{target, "--output", "/" + std::string(300, 'x') + "/g.png"}, "does not exist"},
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
