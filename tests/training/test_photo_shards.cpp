// SPDX-License-Identifier: GPL-3.0-or-later
#include "photo_shards.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "made_shards.h"

namespace {

using chromatch::Photo;
using chromatch::read_photo_shards;

class PhotoShards : public ShardFolder {
  protected:
    std::filesystem::path shard(const std::string& name, const std::string& bytes)
    {
        std::ofstream(folder_ / name, std::ios::binary) << bytes;
        return folder_ / name;
    }

    static std::string failure(const std::function<void()>& action)
    {
        try {
            action();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }
};

TEST_F(PhotoShards, KeepsNamesSizesColoursAndOrder)
{
    const auto first = shard("a.tar", member("red.jpg", jpeg(5, 7, 200, 20, 30)) + member("folder/", "", '5') +
                                          member("folder/green.jpg", jpeg(9, 3, 10, 180, 40)) + archive_end);
    const auto second = shard("b.tar", member("blue.jpg", jpeg(2, 2, 20, 30, 220), '0', "long/prefix") + archive_end);
    for (const int threads : {1, 4}) {
        const std::vector<Photo> photos = read_photo_shards({first, second}, threads);
        ASSERT_EQ(photos.size(), 3u);
        EXPECT_EQ(photos[0].name, "red.jpg");
        EXPECT_EQ(photos[1].name, "folder/green.jpg");
        EXPECT_EQ(photos[2].name, "long/prefix/blue.jpg");
        EXPECT_EQ(photos[1].height, 9);
        EXPECT_EQ(photos[1].width, 3);
        ASSERT_EQ(photos[1].rgb.size(), 9u * 3 * 3);
        const int expected[3][3] = {{200, 20, 30}, {10, 180, 40}, {20, 30, 220}};
        for (int i = 0; i < 3; ++i)
            for (int c = 0; c < 3; ++c)
                EXPECT_NEAR(photos[i].rgb[c], expected[i][c], 4) << i << ", channel " << c;
    }
}

TEST_F(PhotoShards, ManyPhotosKeepTheirOrderOnManyThreads)
{
    std::string tar;
    for (int i = 0; i < 200; ++i)
        tar += member("p" + std::to_string(i) + ".jpg", jpeg(1 + i % 13, 1 + i % 17, i, i, i));
    const auto photos = read_photo_shards({shard("many.tar", tar + archive_end)}, 8);
    ASSERT_EQ(photos.size(), 200u);
    for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(photos[i].name, "p" + std::to_string(i) + ".jpg");
        EXPECT_EQ(photos[i].height, 1 + i % 13);
        EXPECT_EQ(photos[i].width, 1 + i % 17);
        EXPECT_NEAR(photos[i].rgb[0], i, 3);
    }
}

TEST_F(PhotoShards, LimitCountsOverShards)
{
    const auto two = shard("a.tar", member("1.jpg", jpeg(2, 2, 1, 1, 1)) + member("2.jpg", jpeg(2, 2, 2, 2, 2)));
    const auto more = shard("b.tar", member("3.jpg", jpeg(2, 2, 3, 3, 3)) + member("bad.jpg", "nothing"));
    const auto photos = read_photo_shards({two, more}, 2, 3);
    ASSERT_EQ(photos.size(), 3u);
    EXPECT_EQ(photos[2].name, "3.jpg");
    EXPECT_EQ(read_photo_shards({two, folder_ / "never-opened.tar"}, 2, 2).size(), 2u);
}

TEST_F(PhotoShards, DamagedMemberIsNamed)
{
    const std::string whole = jpeg(32, 32, 90, 120, 30);
    const std::string contents[] = {"not a picture", "", whole.substr(0, whole.size() / 2),
                                    whole.substr(0, 30) + "\xff\xd9"};
    for (const std::string& content : contents) {
        const auto path = shard("s.tar", member("good.jpg", whole) + member("bad.jpg", content) + archive_end);
        const std::string sentence = failure([&] { read_photo_shards({path}, 2); });
        EXPECT_NE(sentence.find("s.tar"), std::string::npos) << sentence;
        EXPECT_NE(sentence.find("bad.jpg"), std::string::npos) << sentence;
    }
}

TEST_F(PhotoShards, FirstOfSeveralDamagedMembersIsNamed)
{
    std::string tar;
    for (int i = 0; i < 50; ++i)
        tar += member("bad" + std::to_string(i) + ".jpg", "x");
    const auto path = shard("s.tar", tar);
    for (int run = 0; run < 20; ++run) {
        const std::string sentence = failure([&] { read_photo_shards({path}, 4); });
        EXPECT_NE(sentence.find("bad0.jpg"), std::string::npos) << sentence;
    }
}

TEST_F(PhotoShards, DamagedArchiveIsNamed)
{
    const std::string good = member("good.jpg", jpeg(4, 4, 1, 2, 3));
    std::string broken_header = good;
    broken_header[3] ^= 1;
    EXPECT_NE(failure([&] { read_photo_shards({shard("h.tar", broken_header)}, 1); }).find("h.tar"), std::string::npos);
    const std::string cut = failure([&] { read_photo_shards({shard("c.tar", good.substr(0, 600))}, 1); });
    EXPECT_NE(cut.find("good.jpg"), std::string::npos) << cut;
    EXPECT_NE(failure([&] { read_photo_shards({folder_ / "absent.tar"}, 1); }).find("absent.tar"), std::string::npos);
    EXPECT_NE(failure([&] { read_photo_shards({folder_}, 1); }), "");
}

TEST_F(PhotoShards, EmptyArchiveAndEmptyListGiveNothing)
{
    EXPECT_TRUE(read_photo_shards({shard("e.tar", archive_end)}, 2).empty());
    EXPECT_TRUE(read_photo_shards({}, 2).empty());
}

} // namespace
