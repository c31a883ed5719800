// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/safetensors.h"

#include "chromatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

namespace chromatch {
namespace {

using ::testing::HasSubstr;

class Safetensors : public ::testing::Test {
  protected:
    void SetUp() override
    {
        folder_ = std::filesystem::temp_directory_path() / ("chromatch-safetensors-" + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
        file_ = folder_ / "weights.safetensors";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    void write_raw(const std::string& bytes) const { std::ofstream(file_, std::ios::binary) << bytes; }

    /// A file of this header and data, with the header's true length.
    void write_parts(const std::string& header, const std::string& data) const
    {
        const std::uint64_t length = header.size();
        std::string bytes(8, '\0');
        std::memcpy(bytes.data(), &length, 8);
        write_raw(bytes + header + data);
    }

    std::string read_raw() const
    {
        std::ifstream stream(file_, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    /// The sentence with which reading is refused; it must name the file. Empty where it is not refused.
    std::string complaint() const
    {
        try {
            read_safetensors(file_);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::model_corrupt);
            EXPECT_THAT(error.what(), HasSubstr("weights.safetensors"));
            return error.what();
        }
        return {};
    }

    std::filesystem::path folder_, file_;
};

template <class Value> std::string bytes_of(const std::vector<Value>& values)
{
    std::string bytes(values.size() * sizeof(Value), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape, const std::string& place)
{
    return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + place + "}";
}

SafeTensors example()
{
    SafeTensors content;
    content.tensors["conv.weight"] = {{2, 3}, {1.0f, -2.5f, 0.0f, 65504.0f, 0.000061035156f, -0.333251953125f}};
    content.tensors["bias"] = {{1}, {7.0f}};
    content.tensors["scalar"] = {{}, {0.25f}};
    content.metadata = {{"format_version", "1"}, {"training_run", "a \"quoted\" name"}};
    return content;
}

TEST_F(Safetensors, ComeBackAsTheyWereWritten)
{
    for (const bool half : {false, true}) {
        write_safetensors(file_, example(), half); // all values of the example are halves
        const SafeTensors back = read_safetensors(file_);
        ASSERT_EQ(back.tensors.size(), 3u);
        for (const auto& [name, tensor] : example().tensors) {
            EXPECT_EQ(back.tensors.at(name).shape, tensor.shape);
            EXPECT_EQ(back.tensors.at(name).values, tensor.values);
        }
        EXPECT_EQ(back.metadata, example().metadata);
        std::uint64_t length;
        std::memcpy(&length, read_raw().data(), 8);
        EXPECT_EQ(read_raw().size(), 8 + length + 8 * (half ? 2 : 4));
        EXPECT_EQ(length % 8, 0u);
    }
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "a temporary file was left";
}

TEST_F(Safetensors, FilesOfOthersAreRead)
{
    // Another order than the names', spaces around, no metadata.
    write_parts("{" + entry("z", "F16", "[2]", "[0,4]") + ", " + entry("a", "F32", "[1,1]", "[4,8]") + "}   ",
                bytes_of<std::uint16_t>({0x3c00, 0xc000}) + bytes_of<float>({3.5f}));
    const SafeTensors content = read_safetensors(file_);
    EXPECT_THAT(content.tensors.at("z").values, ::testing::ElementsAre(1.0f, -2.0f));
    EXPECT_THAT(content.tensors.at("a").values, ::testing::ElementsAre(3.5f));
    EXPECT_TRUE(content.metadata.empty());
}

TEST_F(Safetensors, EveryFiniteHalfIsReadRightAndWrittenAgain)
{
    std::vector<std::uint16_t> halves;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits)
        if ((bits & 0x7c00) != 0x7c00)
            halves.push_back(static_cast<std::uint16_t>(bits));
    const std::string count = std::to_string(halves.size()), end = std::to_string(2 * halves.size());
    write_parts("{" + entry("w", "F16", "[" + count + "]", "[0," + end + "]") + "}", bytes_of(halves));
    const SafeTensors content = read_safetensors(file_);
    const std::vector<float>& values = content.tensors.at("w").values;
    for (std::size_t i = 0; i < halves.size(); ++i) {
        const int exponent = (halves[i] >> 10) & 31, mantissa = halves[i] & 1023;
        const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
        ASSERT_EQ(values[i], halves[i] & 0x8000 ? -magnitude : magnitude);
        ASSERT_EQ(std::signbit(values[i]), (halves[i] & 0x8000) != 0);
    }
    write_safetensors(file_, content, true);
    const std::string bytes = read_raw();
    EXPECT_EQ(bytes.substr(bytes.size() - 2 * halves.size()), bytes_of(halves));
}

TEST_F(Safetensors, HalvesAreRoundedToTheNearestTiesToEven)
{
    SafeTensors content;
    const float one = 1.0f / 1024; // the step of halves at 1
    content.tensors["w"].values = {1 + 0.49f * one, 1 + 0.5f * one,     1 + 0.51f * one,  1 + 1.5f * one,
                                   2047.5f / 1024,  65519.0f,           0x1p-24f * 0.5f,  0x1p-24f * 0.51f,
                                   0x1p-24f * 1.5f, 0x1p-24f * 1023.5f, -0x1p-24f * 2.5f, 1e-30f};
    content.tensors["w"].shape = {12};
    write_safetensors(file_, content, true);
    EXPECT_THAT(read_safetensors(file_).tensors.at("w").values,
                ::testing::ElementsAre(1.0f, 1.0f, 1 + one, 1 + 2 * one, 2.0f, 65504.0f, 0.0f, 0x1p-24f, 0x1p-23f,
                                       0x1p-14f, -0x1p-23f, 0.0f));
}

TEST_F(Safetensors, WritingRefusesWhatCannotBeStored)
{
    const auto refused = [&](const StoredTensor& tensor, bool half, const std::filesystem::path& file) {
        SafeTensors content;
        content.tensors["some.weight"] = tensor;
        try {
            write_safetensors(file, content, half);
        } catch (const Error& error) {
            return error.code() == ErrorCode::internal;
        }
        return false;
    };
    write_safetensors(file_, example(), false);
    const std::string before = read_raw();
    EXPECT_TRUE(refused({{1}, {65520.0f}}, true, file_));
    EXPECT_TRUE(refused({{1}, {-1e9f}}, true, file_));
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
        for (const bool half : {false, true})
            EXPECT_TRUE(refused({{1}, {wrong}}, half, file_));
    EXPECT_TRUE(refused({{2}, {1.0f}}, false, file_));
    EXPECT_TRUE(refused({{0}, {}}, false, file_));
    EXPECT_TRUE(refused({{-1}, {1.0f}}, false, file_));
    EXPECT_EQ(read_raw(), before) << "a failed write must leave the old file";
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
    EXPECT_FALSE(refused({{1}, {65520.0f}}, false, file_));
    EXPECT_TRUE(refused({{1}, {1.0f}}, false, folder_ / "no folder" / "file"));
}

TEST_F(Safetensors, AMissingFileIsMissingNotCorrupt)
{
    for (const std::filesystem::path& path : {folder_ / "nothing.safetensors", folder_}) {
        try {
            read_safetensors(path);
            FAIL();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::model_missing);
            EXPECT_THAT(error.what(), HasSubstr(path.string()));
        }
    }
}

TEST_F(Safetensors, AnyCutIsNoticed)
{
    write_safetensors(file_, example(), true);
    const std::string whole = read_raw();
    for (std::size_t size = 0; size < whole.size(); ++size) {
        write_raw(whole.substr(0, size));
        ASSERT_NE(complaint(), "") << size;
    }
    write_raw(whole + "x");
    EXPECT_NE(complaint(), "");
    write_raw(whole);
    EXPECT_EQ(complaint(), "");
}

TEST_F(Safetensors, AHeaderLengthBeyondTheFileIsRefused)
{
    for (const std::uint64_t length :
         {std::uint64_t{3}, std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
        std::string bytes(8, '\0');
        std::memcpy(bytes.data(), &length, 8);
        write_raw(bytes + "{}");
        EXPECT_THAT(complaint(), HasSubstr(std::to_string(length)));
    }
}

TEST_F(Safetensors, SizesThatTheFileCannotHaveAreRefusedBeforeAnythingIsAllocated)
{
    // Each would take terabytes, in a file of some bytes.
    for (const auto& [shape, place] : {std::pair{"[1099511627776]", "[0,2199023255552]"},
                                       {"[1048576,1048576]", "[0,2199023255552]"},
                                       {"[1099511627776]", "[0,2]"},
                                       {"[1]", "[2199023255552,2199023255554]"}}) {
        write_parts("{" + entry("w", "F16", shape, place) + "}", std::string(2, '\0'));
        EXPECT_THAT(complaint(), HasSubstr("tensor \"w\"")) << shape;
    }
    // A header as long as it says, but longer than any.
    write_parts("{}" + std::string((1 << 20) - 2, ' '), "");
    EXPECT_EQ(complaint(), "");
    write_parts("{}" + std::string(1 << 20, ' '), "");
    EXPECT_THAT(complaint(), HasSubstr("the header's length is 1048578"));
}

TEST_F(Safetensors, AHeaderThatIsNoJsonObjectIsRefused)
{
    for (const char* header : {"", "{", "[]", "null", "{]", "{\"a\":}", "{} {}", "\xff\xfe", "{\"a\xff\":1}"}) {
        write_parts(header, "");
        EXPECT_THAT(complaint(), HasSubstr("JSON")) << header;
    }
    write_parts(std::string(100000, '['), "");
    EXPECT_THAT(complaint(), HasSubstr("JSON"));
}

TEST_F(Safetensors, EveryFaultOfATensorIsNamed)
{
    const std::string four = bytes_of<float>({1, 2, 3, 4});
    const struct {
        std::string header, data, part;
    } cases[] = {
        {entry("w", "F64", "[2]", "[0,16]"), four, "F64"},
        {entry("w", "I32", "[4]", "[0,16]"), four, "I32"},
        {"\"w\":{\"dtype\":7,\"shape\":[4],\"data_offsets\":[0,16]}", four, "dtype 7"},
        {"\"w\":{\"dtype\":\"F32\",\"shape\":[4]}", four, "data_offsets"},
        {"\"w\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16],\"more\":1}", four, "nothing else"},
        {"\"w\":[]", four, "dtype"},
        {entry("w", "F32", "[5]", "[0,16]"), four, "[5]"},
        {entry("w", "F16", "[4]", "[0,16]"), four, "16 bytes"},
        {entry("w", "F32", "[4]", "[0,15]"), four, "15 bytes"},
        {entry("w", "F32", "[-4]", "[0,16]"), four, "[-4]"},
        {entry("w", "F32", "[4.0]", "[0,16]"), four, "4.0"},
        {entry("w", "F32", "[0]", "[0,0]"), "", "[0]"},
        {entry("w", "F32", "[\"4\"]", "[0,16]"), four, "shape"},
        {entry("w", "F32", "{}", "[0,16]"), four, "shape"},
        {entry("w", "F32", "[1,1,1,1,1,1,1,1,4]", "[0,16]"), four, "at most 8"},
        // Products of 2^64 + 4 and 2^66: four and zero after a wrap.
        {entry("w", "F32", "[4,4611686018427387905]", "[0,16]"), four, "4611686018427387905"},
        {entry("w", "F32", "[4294967296,4294967296,4]", "[0,16]"), four, "impossible"},
        {entry("w", "F32", "[18446744073709551615]", "[0,16]"), four, "impossible"},
        {entry("w", "F32", "[4]", "[0,20]"), four, "[0,20]"},
        {entry("w", "F32", "[4]", "[16,0]"), four, "[16,0]"},
        {entry("w", "F32", "[4]", "[-16,0]"), four, "[-16,0]"},
        {entry("w", "F32", "[4]", "[0,16,32]"), four, "data_offsets"},
        {entry("w", "F32", "[4]", "[0,18446744073709551616]"), four, "data_offsets"},
        // Overlap, hole in front, hole between, rest behind, no tensor at all.
        {entry("v", "F32", "[3]", "[0,12]") + "," + entry("w", "F32", "[2]", "[8,16]"), four, "inside"},
        {entry("v", "F32", "[4]", "[0,16]") + "," + entry("w", "F32", "[4]", "[0,16]"), four, "inside"},
        {entry("w", "F32", "[2]", "[8,16]"), four, "behind"},
        {entry("v", "F32", "[1]", "[0,4]") + "," + entry("w", "F32", "[2]", "[8,16]"), four, "behind"},
        {entry("w", "F32", "[3]", "[0,12]"), four, "end at byte 12"},
        {"", four, "end at byte 0"},
        {entry("w", "F32", "[4]", "[0,16]") + "," + entry("w", "F32", "[4]", "[0,16]"), four, "\"w\" twice"},
        {"\"w\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,16]}", four, "\"dtype\" twice"},
        {"\"__metadata__\":{\"a\":1}," + entry("w", "F32", "[4]", "[0,16]"), four, "metadata \"a\""},
        {"\"__metadata__\":[]," + entry("w", "F32", "[4]", "[0,16]"), four, "metadata"},
    };
    for (const auto& fault : cases) {
        write_parts("{" + fault.header + "}", fault.data);
        EXPECT_THAT(complaint(), HasSubstr(fault.part)) << fault.header;
    }
    write_parts("{" + entry("w", "F32", "[4]", "[0,16]") + "}", four);
    EXPECT_EQ(complaint(), "");
}

TEST_F(Safetensors, AValueThatIsNotFiniteIsNamed)
{
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        write_parts("{" + entry("some.weight", "F32", "[3]", "[0,12]") + "}", bytes_of<float>({1, 2, wrong}));
        EXPECT_THAT(complaint(), HasSubstr("\"some.weight\" has the value " + std::to_string(wrong) + " at place 2"));
    }
    for (const std::uint16_t wrong : {0x7c00, 0xfc00, 0x7e01}) {
        write_parts("{" + entry("some.weight", "F16", "[2]", "[0,4]") + "}", bytes_of<std::uint16_t>({wrong, 0x3c00}));
        EXPECT_THAT(complaint(), HasSubstr("at place 0"));
    }
}

} // namespace
} // namespace chromatch
