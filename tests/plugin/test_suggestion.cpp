// SPDX-License-Identifier: GPL-3.0-or-later
//
// The search in a folder, with an engine that looks at nothing but the brightness and counts how often it is asked.
#include "suggestion.h"

#include "failure.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

namespace chromatch::plugin {

namespace {

namespace fs = std::filesystem;

/// What suits is what is as bright and as red.
class FakeColorizer : public Colorizer {
  public:
    Result colorize(const Request&, const Progress&) override { return {}; }

    Descriptor describe(const LabImage& photo) override
    {
        asked.push_back({photo.l.width, photo.l.height});
        const auto mean = [](const Plane& plane) {
            return std::accumulate(plane.values.begin(), plane.values.end(), 0.0f) /
                   static_cast<float>(plane.values.size());
        };
        Descriptor descriptor(descriptor_length, 0);
        descriptor[0] = static_cast<std::int8_t>(mean(photo.l));
        descriptor[1] = photo.a.empty() ? std::int8_t{0} : static_cast<std::int8_t>(mean(photo.a));
        return descriptor;
    }

    std::vector<std::pair<int, int>> asked; ///< width and height of each
};

void light_to_lab(const float rgb[3], float lab[3])
{
    lab[0] = 100.0f * std::cbrt((rgb[0] + rgb[1] + rgb[2]) / 3.0f);
    lab[1] = 20.0f * (rgb[0] - rgb[1]);
    lab[2] = 0.0f;
}

float fake_suitability(const Descriptor& target, const Descriptor& reference)
{
    return -static_cast<float>(std::abs(target[0] - reference[0]) + std::abs(target[1] - reference[1]));
}

class Suggestions : public testing::Test {
  protected:
    Suggestions()
    {
        std::string pattern = fs::temp_directory_path() / "chromatch-suggestion-XXXXXX";
        root_ = mkdtemp(pattern.data());
        search_.folder = root_ / "photos";
        search_.cache_folder = root_ / "cache";
        search_.models = root_ / "models";
        fs::create_directories(search_.folder / "inside" / "deeper");
        fs::create_directory(search_.models);
        std::ofstream(search_.models / "similarity-l.safetensors") << "weights";
        engine_.linear_rgb_to_lab = light_to_lab;
        engine_.suitability = fake_suitability;
    }

    ~Suggestions() override { fs::remove_all(root_); }

    /// A picture of one color.
    fs::path write(const std::string& name, int red, int green, int blue, int width = 160, int height = 96)
    {
        GdkPixbuf* picture = gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, width, height);
        gdk_pixbuf_fill(picture, static_cast<guint32>(red) << 24 | green << 16 | blue << 8 | 0xff);
        const fs::path file = search_.folder / name;
        EXPECT_TRUE(
            gdk_pixbuf_save(picture, file.c_str(), file.extension() == ".png" ? "png" : "jpeg", nullptr, nullptr));
        g_object_unref(picture);
        return file;
    }

    void write_three()
    {
        write("dark.png", 60, 20, 10);
        write("bright.jpg", 250, 220, 180);
        write("inside/deeper/middle.JPG", 150, 110, 80);
    }

    std::vector<std::string> suggest(const SuggestionProgress& progress = nullptr)
    {
        std::vector<std::string> names;
        const Plane target(70, 90, 47.0f); // as bright as middle.jpg
        float last = 0.0f;
        for (const Suggestion& suggestion : suggest_references(search_, target, colorizer_, engine_, progress)) {
            names.push_back(fs::path(suggestion.path).filename());
            EXPECT_LE(suggestion.suitability, last);
            last = suggestion.suitability;
        }
        return names;
    }

    /// How often the engine was asked for a search; once is for the target.
    std::size_t asked_for_search()
    {
        colorizer_.asked.clear();
        EXPECT_THAT(suggest(), testing::ElementsAre("middle.JPG", "dark.png", "bright.jpg"));
        return colorizer_.asked.size();
    }

    Failure failure_of_search(const SuggestionProgress& progress = nullptr)
    {
        try {
            suggest(progress);
        } catch (const Failure& failure) {
            return failure;
        }
        ADD_FAILURE() << "the search did not fail";
        return {};
    }

    fs::path root_;
    SuggestionSearch search_;
    FakeColorizer colorizer_;
    EngineFunctions engine_ = {};
};

TEST_F(Suggestions, ComeBestFirstFromAllFolders)
{
    write_three();
    EXPECT_THAT(suggest(), testing::ElementsAre("middle.JPG", "dark.png", "bright.jpg"));
    search_.count = 1;
    EXPECT_THAT(suggest(), testing::ElementsAre("middle.JPG"));
}

TEST_F(Suggestions, LookAtTheColors)
{
    write("red.png", 170, 52, 52);
    write("brown.png", 150, 110, 80); // by its brightness it would be the second
    EXPECT_THAT(suggest(), testing::ElementsAre("brown.png", "red.png"));
}

TEST_F(Suggestions, PassOverWhatIsNoReference)
{
    write_three();
    write("gray.png", 111, 111, 111);
    write("icon.png", 150, 110, 80, 32, 32);
    write(".hidden.png", 150, 110, 80);
    std::ofstream(search_.folder / "broken.jpg") << "\xff\xd8\xff\xe0 no photo";
    std::ofstream(search_.folder / "empty.png");
    std::ofstream(search_.folder / "words.txt") << "words";
    fs::create_directory(search_.folder / "folder.jpg");
    search_.own_file = search_.folder / "inside" / "deeper" / "middle.JPG";
    EXPECT_THAT(suggest(), testing::ElementsAre("dark.png", "bright.jpg"));
}

TEST_F(Suggestions, SeePhotosUpright)
{
    const fs::path file = write("lying.jpg", 150, 110, 80, 160, 96);
    std::ifstream input(file, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(input), {});
    // An Exif segment whose only entry is the orientation 6: turned by a quarter.
    const std::string exif("\xff\xe1\x00\x22"
                           "Exif\0\0"
                           "II*\0\x08\0\0\0"
                           "\x01\0"
                           "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
                           "\0\0\0\0",
                           36);
    bytes.insert(2, exif);
    std::ofstream(file, std::ios::binary) << bytes;
    suggest();
    EXPECT_THAT(colorizer_.asked, testing::Contains(std::pair{96, 160}));
}

TEST_F(Suggestions, DecodeLargePhotosSmall)
{
    write("large.jpg", 150, 110, 80, 3000, 1500);
    suggest();
    EXPECT_THAT(colorizer_.asked, testing::Contains(std::pair{640, 320}));
}

TEST_F(Suggestions, KnowAPhotoAgainUntilItChanges)
{
    write_three();
    write("gray.png", 111, 111, 111);
    EXPECT_EQ(asked_for_search(), 4u);
    EXPECT_EQ(asked_for_search(), 1u);
    fs::last_write_time(search_.folder / "dark.png", fs::file_time_type::clock::now() + std::chrono::seconds(5));
    EXPECT_EQ(asked_for_search(), 2u);
    write("bright.jpg", 250, 225, 180);
    EXPECT_EQ(asked_for_search(), 2u);
    EXPECT_EQ(asked_for_search(), 1u);
    for (const char* weights : {"similarity-l.safetensors", "recognition.safetensors", "colorization.safetensors"}) {
        std::ofstream(search_.models / weights) << "other weights";
        EXPECT_EQ(asked_for_search(), 4u);
    }
    fs::remove(search_.folder / "gray.png");
    EXPECT_EQ(asked_for_search(), 1u);
}

TEST_F(Suggestions, DoWithoutADamagedCache)
{
    write_three();
    asked_for_search();
    const fs::path cache = fs::directory_iterator(search_.cache_folder)->path();
    std::ifstream input(cache, std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(input), {});
    std::string turned = whole;
    turned[turned.size() / 2] ^= 1;
    for (const std::string& damaged :
         {turned, whole.substr(0, whole.size() / 2), std::string(), std::string("Chroma")}) {
        std::ofstream(cache, std::ios::binary) << damaged;
        EXPECT_EQ(asked_for_search(), 4u);
        EXPECT_EQ(asked_for_search(), 1u);
    }
}

TEST_F(Suggestions, DoWithoutAnyCache)
{
    write_three();
    std::ofstream(search_.cache_folder) << "a file where the folder should be";
    EXPECT_EQ(asked_for_search(), 4u);
    EXPECT_EQ(asked_for_search(), 4u);
}

TEST_F(Suggestions, CanBeCancelledAndGoOnLater)
{
    write_three();
    std::size_t all = 0;
    const Failure failure = failure_of_search([&all](std::size_t done, std::size_t total) {
        all = total;
        return done < 2;
    });
    EXPECT_EQ(failure.status, GIMP_PDB_CANCEL);
    EXPECT_EQ(all, 3u);
    EXPECT_EQ(asked_for_search(), 2u) << "what was looked at before is known";
}

TEST_F(Suggestions, NameTheFolderThatGivesNone)
{
    EXPECT_THAT(failure_of_search().sentence, testing::HasSubstr(search_.folder.string() + "\" holds no color photo"));
    search_.folder /= "nowhere";
    const Failure failure = failure_of_search();
    EXPECT_EQ(failure.status, GIMP_PDB_CALLING_ERROR);
    EXPECT_THAT(failure.sentence, testing::HasSubstr("There is no folder \"" + search_.folder.string()));
    EXPECT_TRUE(colorizer_.asked.size() <= 1);
}

} // namespace

} // namespace chromatch::plugin
