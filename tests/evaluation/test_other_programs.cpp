// SPDX-License-Identifier: GPL-3.0-or-later
#include "other_programs.h"
#include "pictures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

namespace {

using namespace chromatch;

LabImage flat(int height, int width, float l, float a, float b)
{
    return {Plane(height, width, l), Plane(height, width, a), Plane(height, width, b)};
}

/// A PATH with one program, a shell script, in front.
class ProgramInPath {
  public:
    ProgramInPath(const std::string& name, const std::string& script) : before_(std::getenv("PATH"))
    {
        const std::filesystem::path file = folder_.path() / name;
        std::ofstream(file) << "#!/bin/sh\n" << script;
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        setenv("PATH", (folder_.path().string() + ":" + before_).c_str(), 1);
    }
    ~ProgramInPath() { setenv("PATH", before_.c_str(), 1); }

  private:
    TemporaryFolder folder_;
    std::string before_;
};

std::string failure(const std::function<void()>& work)
{
    try {
        work();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(Ppm, KeepsPicturesToTheByte)
{
    const TemporaryFolder folder;
    const std::uint8_t rgb[] = {0, 10, 255, 35, 32, 9, 200, 100, 50, 1, 2, 3, 255, 255, 255, 10, 10, 10};
    write_ppm(lab_from_srgb(rgb, 3, 2), folder.path() / "a.ppm");
    EXPECT_EQ(srgb_bytes(read_ppm(folder.path() / "a.ppm")), std::vector<std::uint8_t>(rgb, rgb + 18));
    EXPECT_EQ(read_ppm(folder.path() / "a.ppm").l.height, 3);
}

TEST(Ppm, ReadsCommentsAndNamesFaults)
{
    const TemporaryFolder folder;
    const std::string file = folder.path() / "a.ppm";
    std::ofstream(file) << "P6\n# by hand\n1 # wide\n1\n255\n\xff\xff\xff";
    EXPECT_NEAR(read_ppm(file).l.values[0], 100, 0.01);
    std::ofstream(file) << "P6\n2 2\n255\nabc";
    EXPECT_EQ(failure([&] { read_ppm(file); }), file + " ends too early.");
    std::ofstream(file) << "P5\n2 2\n255\nabcd";
    EXPECT_EQ(failure([&] { read_ppm(file); }), file + " is not an 8-bit PPM picture.");
    EXPECT_EQ(failure([&] { read_ppm(file + "x"); }), file + "x is not an 8-bit PPM picture.");
}

TEST(Gmic, IsCalledAsItsManualSays)
{
    // Gives the reference back where the command is what it should be.
    const ProgramInPath program("gmic", "[ \"$3 $4 $5 $6 $7 $8\" = 'to_rgb transfer_histogram[0] [1],256 cut[0] 0,255 "
                                        "o[0]' ] && cp \"$2\" \"$9\"\n");
    const LabImage reference = flat(3, 4, 60, 20, -30);
    const LabImage result = gmic_method("histogram").colour(Plane(3, 4, 50.0f), &reference, {}).image;
    EXPECT_NEAR(result.a.values[5], 20, 1);
    EXPECT_NEAR(result.b.values[5], -30, 1);
    EXPECT_EQ(failure([&] { gmic_method("pca").colour(Plane(3, 4, 50.0f), &reference, {}); }), "gmic failed.");
}

TEST(OtherPrograms, SayThatTheyAreNotInstalled)
{
    const std::string before = std::getenv("PATH");
    setenv("PATH", "/nowhere", 1);
    const std::string gmic = failure([] { gmic_method("rgb"); }), gimp = failure([] { sample_colorize_method(); });
    setenv("PATH", before.c_str(), 1);
    EXPECT_EQ(gmic, "gmic is not installed.");
    EXPECT_EQ(gimp, "gimp-console is not installed.");
}

TEST(SampleColorize, TellsWhenGimpEnds)
{
    const ProgramInPath program("gimp-console", "exit 0\n");
    const LabImage reference = flat(3, 4, 60, 20, -30);
    const Method method = sample_colorize_method();
    EXPECT_EQ(failure([&] { method.colour(Plane(3, 4, 50.0f), &reference, {}); }),
              "gimp-console ended before its work.");
}

} // namespace
