// SPDX-License-Identifier: GPL-3.0-or-later
//
// Format: https://huggingface.co/docs/safetensors#format
#include "networks/safetensors.h"

#include "chromatch.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <set>
#include <system_error>

namespace chromatch {
namespace {

static_assert(std::endian::native == std::endian::little, "the data is little-endian on disk and is copied as it is");

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t maximum_header = 1u << 20; // some 10,000 tensors; ours have a few hundred
constexpr std::size_t maximum_dimensions = 8;
constexpr const char* metadata_key = "__metadata__";

float half_to_float(std::uint16_t half)
{
    const std::uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 0x1fu, mantissa = half & 0x3ffu;
    if (exponent == 0) { // zero or subnormal: mantissa * 2^-24
        const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
        return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 0x1f) // infinity or not a number
        return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
    return std::bit_cast<float>(sign | ((exponent + 127 - 15) << 23) | (mantissa << 13));
}

/// Rounds to nearest, ties to even. From 65520 on the result is infinity.
std::uint16_t float_to_half(float value)
{
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const float magnitude = std::fabs(value);
    if (magnitude >= 65520.0f)
        return static_cast<std::uint16_t>(sign | 0x7c00u);
    if (magnitude < 0x1p-14f) // subnormal: a multiple of 2^-24; nearbyint rounds ties to even; 2^10 becomes normal
        return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(magnitude * 0x1p24f)));
    const std::uint32_t kept = (bits & 0x7fffffffu) - ((127u - 15u) << 23);
    return static_cast<std::uint16_t>(sign | ((kept + 0xfffu + ((kept >> 13) & 1u)) >> 13));
}

/// Where one tensor lies in the data, as the header says and as was checked.
struct Entry {
    std::string name;
    bool half = false;
    std::vector<std::int64_t> shape;
    std::uint64_t count = 0; // values
    std::uint64_t begin = 0, end = 0;
};

class Reader {
  public:
    explicit Reader(const std::filesystem::path& file) : file_(file)
    {
        std::error_code failure;
        if (!std::filesystem::is_regular_file(file, failure))
            throw Error(ErrorCode::model_missing, "There is no file " + file.string() + ".");
        stream_.open(file, std::ios::binary);
        if (!stream_)
            throw Error(ErrorCode::model_missing, "The file " + file.string() + " cannot be opened.");
        stream_.seekg(0, std::ios::end);
        const std::streamoff end = stream_.tellg();
        stream_.seekg(0);
        if (end < 0 || !stream_)
            throw Error(ErrorCode::model_missing, "The file " + file.string() + " cannot be read.");
        size_ = static_cast<std::uint64_t>(end);
    }

    SafeTensors read()
    {
        const nlohmann::json header = parse_header();
        SafeTensors content;
        std::vector<Entry> entries;
        for (const auto& [name, value] : header.items()) {
            if (name == metadata_key)
                content.metadata = parse_metadata(value);
            else
                entries.push_back(parse_entry(name, value));
        }
        check_layout(entries);
        for (const Entry& entry : entries)
            content.tensors.emplace(entry.name, StoredTensor{entry.shape, read_values(entry)});
        return content;
    }

  private:
    [[noreturn]] void fail(const std::string& what) const
    {
        throw Error(ErrorCode::model_corrupt, "The weights file " + file_.string() + " is damaged: " + what + ".");
    }

    void read_bytes(void* to, std::uint64_t count)
    {
        stream_.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
        if (!stream_)
            fail("reading it stopped early");
    }

    nlohmann::json parse_header()
    {
        if (size_ < length_bytes)
            fail("it has " + std::to_string(size_) + " bytes, less than the 8 of the header's length");
        std::uint64_t length = 0;
        read_bytes(&length, length_bytes);
        if (length > size_ - length_bytes || length > maximum_header)
            fail("the header's length is " + std::to_string(length) + ", the file's " + std::to_string(size_));
        std::string text(length, '\0');
        read_bytes(text.data(), length);
        data_begin_ = length_bytes + length;
        try {
            nlohmann::json header = nlohmann::json::parse(text, DuplicateKeys{*this});
            if (!header.is_object())
                fail("the header is no JSON object");
            return header;
        } catch (const nlohmann::json::exception& error) {
            fail(std::string("the header is no valid JSON (") + error.what() + ")");
        }
    }

    /// The JSON library keeps the last of two equal keys; here they are an error.
    struct DuplicateKeys {
        const Reader& reader;
        std::vector<std::set<std::string>> open = {};

        bool operator()(int, nlohmann::json::parse_event_t event, nlohmann::json& parsed)
        {
            using Event = nlohmann::json::parse_event_t;
            if (event == Event::object_start)
                open.emplace_back();
            else if (event == Event::object_end)
                open.pop_back();
            else if (event == Event::key && !open.back().insert(parsed.get<std::string>()).second)
                reader.fail("the header names \"" + parsed.get<std::string>() + "\" twice");
            return true;
        }
    };

    std::map<std::string, std::string> parse_metadata(const nlohmann::json& value) const
    {
        if (!value.is_object())
            fail("its metadata is no JSON object");
        std::map<std::string, std::string> metadata;
        for (const auto& [key, text] : value.items()) {
            if (!text.is_string())
                fail("the metadata \"" + key + "\" is no string");
            metadata.emplace(key, text.get<std::string>());
        }
        return metadata;
    }

    Entry parse_entry(const std::string& name, const nlohmann::json& value) const
    {
        const std::string tensor = "tensor \"" + name + "\"";
        if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
            !value.contains("data_offsets"))
            fail(tensor + " must have dtype, shape and data_offsets and nothing else");
        Entry entry;
        entry.name = name;
        const nlohmann::json& type = value["dtype"];
        if (type != "F32" && type != "F16")
            fail(tensor + " has the dtype " + type.dump() + ", which is neither F32 nor F16");
        entry.half = type == "F16";
        parse_shape(tensor, value["shape"], entry);
        const nlohmann::json& offsets = value["data_offsets"];
        if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
            !offsets[1].is_number_unsigned())
            fail(tensor + " has the data_offsets " + offsets.dump() + ", which are not two whole numbers");
        entry.begin = offsets[0].get<std::uint64_t>();
        entry.end = offsets[1].get<std::uint64_t>();
        const std::uint64_t available = size_ - data_begin_;
        if (entry.begin > entry.end || entry.end > available)
            fail(tensor + " has the data_offsets " + offsets.dump() + " in " + std::to_string(available) +
                 " bytes of data");
        // Divided, not multiplied: the count comes from the file and might overflow.
        const std::uint64_t width = entry.half ? 2 : 4, bytes = entry.end - entry.begin;
        if (bytes % width != 0 || bytes / width != entry.count)
            fail(tensor + " of shape " + value["shape"].dump() + " and " + type.get<std::string>() + " has " +
                 std::to_string(bytes) + " bytes");
        return entry;
    }

    void parse_shape(const std::string& tensor, const nlohmann::json& shape, Entry& entry) const
    {
        if (!shape.is_array() || shape.size() > maximum_dimensions)
            fail(tensor + " has the shape " + shape.dump() + ", which is no list of at most 8 numbers");
        entry.count = 1;
        for (const nlohmann::json& side : shape) {
            if (!side.is_number_unsigned() || side.get<std::uint64_t>() == 0 ||
                __builtin_mul_overflow(entry.count, side.get<std::uint64_t>(), &entry.count) ||
                entry.count > static_cast<std::uint64_t>(INT64_MAX))
                fail(tensor + " has the shape " + shape.dump() + ", which is impossible");
            entry.shape.push_back(side.get<std::int64_t>());
        }
    }

    /// The tensors must fill the data without holes or overlaps. Sorts them by their place.
    void check_layout(std::vector<Entry>& entries) const
    {
        std::sort(entries.begin(), entries.end(), [](const Entry& x, const Entry& y) { return x.begin < y.begin; });
        std::uint64_t filled = 0;
        for (const Entry& entry : entries) {
            if (entry.begin != filled)
                fail("tensor \"" + entry.name + "\" begins at byte " + std::to_string(entry.begin) + ", " +
                     (entry.begin < filled ? "inside" : "behind") + " the tensor that ends at " +
                     std::to_string(filled));
            filled = entry.end;
        }
        if (filled != size_ - data_begin_)
            fail("the tensors end at byte " + std::to_string(filled) + ", the data at " +
                 std::to_string(size_ - data_begin_));
    }

    std::vector<float> read_values(const Entry& entry)
    {
        std::vector<float> values(entry.count);
        stream_.seekg(static_cast<std::streamoff>(data_begin_ + entry.begin));
        if (entry.half) {
            std::vector<std::uint16_t> halves(entry.count);
            read_bytes(halves.data(), entry.count * sizeof(std::uint16_t));
            std::transform(halves.begin(), halves.end(), values.begin(), half_to_float);
        } else {
            read_bytes(values.data(), entry.count * sizeof(float));
        }
        for (std::size_t i = 0; i < values.size(); ++i)
            if (!std::isfinite(values[i]))
                fail("tensor \"" + entry.name + "\" has the value " + std::to_string(values[i]) + " at place " +
                     std::to_string(i));
        return values;
    }

    std::filesystem::path file_;
    std::ifstream stream_;
    std::uint64_t size_ = 0;
    std::uint64_t data_begin_ = 0;
};

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what)
{
    throw Error(ErrorCode::internal, "The weights file " + file.string() + " cannot be written: " + what + ".");
}

void check_tensor(const std::filesystem::path& file, const std::string& name, const StoredTensor& tensor)
{
    std::uint64_t count = 1;
    for (const std::int64_t side : tensor.shape)
        if (side < 1 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(side), &count))
            refuse(file, "tensor \"" + name + "\" has a side of " + std::to_string(side));
    if (name == metadata_key || tensor.shape.size() > maximum_dimensions || count != tensor.values.size())
        refuse(file, "tensor \"" + name + "\" has " + std::to_string(tensor.shape.size()) + " dimensions with " +
                         std::to_string(count) + " places for " + std::to_string(tensor.values.size()) + " values");
}

/// The bytes of one tensor as they go to disk.
std::string encode(const std::filesystem::path& file, const std::string& name, const StoredTensor& tensor, bool half)
{
    const std::size_t width = half ? 2 : 4;
    std::string bytes(tensor.values.size() * width, '\0');
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
        const float value = tensor.values[i];
        const std::uint16_t narrow = half ? float_to_half(value) : 0;
        if (!std::isfinite(value) || (narrow & 0x7c00u) == 0x7c00u)
            refuse(file,
                   "tensor \"" + name + "\" has the value " + std::to_string(value) + " at place " + std::to_string(i));
        if (half)
            std::memcpy(&bytes[i * width], &narrow, width);
        else
            std::memcpy(&bytes[i * width], &value, width);
    }
    return bytes;
}

std::string make_header(const std::filesystem::path& file, const SafeTensors& content, bool half)
{
    nlohmann::json header = nlohmann::json::object();
    if (!content.metadata.empty())
        header[metadata_key] = content.metadata;
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : content.tensors) {
        check_tensor(file, name, tensor);
        const std::uint64_t end = offset + tensor.values.size() * (half ? 2 : 4);
        header[name] = {{"dtype", half ? "F16" : "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
        offset = end;
    }
    try {
        std::string text = header.dump();
        text.resize((text.size() + 7) / 8 * 8, ' '); // the data starts at a multiple of 8
        return text;
    } catch (const nlohmann::json::exception& error) { // a name that is no UTF-8
        refuse(file, error.what());
    }
}

/// Removes the unfinished file unless it was renamed.
struct TemporaryFile {
    std::filesystem::path path;
    ~TemporaryFile()
    {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
};

} // namespace

SafeTensors read_safetensors(const std::filesystem::path& file)
{
    return Reader(file).read();
}

void write_safetensors(const std::filesystem::path& file, const SafeTensors& content, bool half)
{
    const std::string header = make_header(file, content, half);
    std::filesystem::path beside = file;
    beside += ".partial";
    const TemporaryFile temporary{beside};
    {
        std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
        const std::uint64_t length = header.size();
        stream.write(reinterpret_cast<const char*>(&length), length_bytes);
        stream.write(header.data(), static_cast<std::streamsize>(header.size()));
        for (const auto& [name, tensor] : content.tensors) {
            const std::string bytes = encode(file, name, tensor, half);
            stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        }
        stream.close();
        if (!stream)
            refuse(file, "writing " + beside.string() + " failed");
    }
    std::error_code failure;
    std::filesystem::rename(beside, file, failure);
    if (failure)
        refuse(file, failure.message());
}

} // namespace chromatch
