// SPDX-License-Identifier: GPL-3.0-or-later
#include "photo_shards.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <thread>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace chromatch {

namespace {

constexpr std::size_t block_bytes = 512; // USTAR's unit: one header, or a piece of a member's content

struct Member {
    const std::filesystem::path* shard;
    std::string name;
    const std::uint8_t* bytes;
    std::size_t size;
};

[[noreturn]] void fail(const std::filesystem::path& shard, const std::string& what)
{
    throw std::runtime_error(shard.string() + ": " + what);
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file || !std::filesystem::is_regular_file(path))
        fail(path, "the shard cannot be opened");
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(file.tellg()));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file)
        fail(path, "the shard cannot be read");
    return bytes;
}

/// A header's text field: ends at its first zero byte or at the field's end.
std::string text_field(const std::uint8_t* header, std::size_t offset, std::size_t length)
{
    const auto* begin = header + offset;
    return {begin, std::find(begin, begin + length, std::uint8_t{0})};
}

/// A header's octal number, padded with spaces or zeros. False where it is not one (or is base-256, which USTAR is
/// not).
bool octal_field(const std::uint8_t* header, std::size_t offset, std::size_t length, std::uint64_t& value)
{
    value = 0;
    bool any = false;
    for (std::size_t i = 0; i < length; ++i) {
        const std::uint8_t c = header[offset + i];
        if (c >= '0' && c <= '7') {
            value = value * 8 + (c - '0');
            any = true;
        } else if (c == ' ' && !any) {
            continue;
        } else {
            return any && (c == ' ' || c == 0);
        }
    }
    return any;
}

/// The sum of the header's bytes, its own checksum field counted as spaces.
std::uint64_t header_sum(const std::uint8_t* header)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < block_bytes; ++i)
        sum += i >= 148 && i < 156 ? ' ' : header[i];
    return sum;
}

void list_members(const std::filesystem::path& shard, const std::vector<std::uint8_t>& tar, std::size_t limit,
                  std::vector<Member>& members)
{
    for (std::size_t at = 0; at + block_bytes <= tar.size() && members.size() < limit;) {
        const std::uint8_t* header = tar.data() + at;
        if (header[0] == 0)
            return; // a zero block ends the archive
        std::uint64_t sum = 0, size = 0;
        if (!octal_field(header, 148, 8, sum) || sum != header_sum(header))
            fail(shard, "the tar header at byte " + std::to_string(at) + " is damaged");
        std::string name = text_field(header, 0, 100);
        if (const std::string prefix = text_field(header, 345, 155);
            !prefix.empty() && text_field(header, 257, 5) == "ustar")
            name = prefix + "/" + name;
        at += block_bytes;
        if (!octal_field(header, 124, 12, size) || size > tar.size() - at)
            fail(shard, "member " + name + " is cut off or has no valid size");
        const char type = static_cast<char>(header[156]);
        if (type == '0' || type == '\0')
            members.push_back({&shard, name, tar.data() + at, static_cast<std::size_t>(size)});
        at += (static_cast<std::size_t>(size) + block_bytes - 1) / block_bytes * block_bytes;
    }
}

Photo decode(const Member& member)
{
    const auto damaged = [&](const std::string& why) {
        fail(*member.shard, "member " + member.name + " is not a whole JPEG: " + why);
    };
    // stb fills a truncated JPEG with gray instead of refusing it, so both end markers are looked at here.
    const std::uint8_t* bytes = member.bytes;
    const std::size_t size = member.size;
    if (size < 4 || size > std::numeric_limits<int>::max() || bytes[0] != 0xff || bytes[1] != 0xd8)
        damaged("it does not begin as one");
    if (bytes[size - 2] != 0xff || bytes[size - 1] != 0xd9)
        damaged("its end is missing");
    int width = 0, height = 0, channels = 0;
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
        stbi_load_from_memory(bytes, static_cast<int>(size), &width, &height, &channels, 3), stbi_image_free);
    if (!pixels)
        damaged(stbi_failure_reason());
    Photo photo{member.name, height, width, {}};
    photo.rgb.assign(pixels.get(), pixels.get() + static_cast<std::size_t>(height) * width * 3);
    return photo;
}

} // namespace

std::vector<Photo> read_photo_shards(const std::vector<std::filesystem::path>& shards, int threads, std::size_t limit)
{
    const std::size_t most = limit == 0 ? std::numeric_limits<std::size_t>::max() : limit;
    std::vector<std::vector<std::uint8_t>> tars;
    std::vector<Member> members;
    tars.reserve(shards.size());
    for (const auto& shard : shards) {
        if (members.size() >= most)
            break;
        tars.push_back(read_file(shard));
        list_members(shard, tars.back(), most, members);
    }

    std::vector<Photo> photos(members.size());
    std::atomic<std::size_t> next{0};
    std::mutex failure_lock;
    std::exception_ptr failure;
    std::size_t failed_member = members.size();
    const auto work = [&] {
        for (std::size_t i = next++; i < members.size(); i = next++) {
            try {
                photos[i] = decode(members[i]);
            } catch (...) {
                // The first damaged member is named whichever thread meets one first.
                const std::lock_guard guard(failure_lock);
                if (i < failed_member) {
                    failed_member = i;
                    failure = std::current_exception();
                }
                next = members.size();
            }
        }
    };
    {
        std::vector<std::jthread> pool;
        for (int i = 1; i < threads; ++i)
            pool.emplace_back(work);
        work();
    }
    if (failure)
        std::rethrow_exception(failure);
    return photos;
}

} // namespace chromatch
