// SPDX-License-Identifier: GPL-3.0-or-later
//
// libFuzzer: a weights file of any bytes is read, or refused with model_corrupt and a sentence that names it. What was
// read is written again and comes back the same.
#include "chromatch.h"
#include "networks/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace chromatch;

namespace {

/// A file in memory that has a path.
class MemoryFile {
  public:
    MemoryFile(const std::uint8_t* data, std::size_t size) : handle_(memfd_create("weights", 0))
    {
        if (handle_ < 0 || write(handle_, data, size) != static_cast<ssize_t>(size))
            std::abort();
    }
    ~MemoryFile() { close(handle_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::string path() const { return "/proc/self/fd/" + std::to_string(handle_); }

  private:
    int handle_;
};

void expect(bool truth)
{
    if (!truth)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const MemoryFile file(data, size);
    SafeTensors content;
    try {
        content = read_safetensors(file.path());
    } catch (const Error& error) {
        expect(error.code() == ErrorCode::model_corrupt);
        expect(std::strstr(error.what(), file.path().c_str()) != nullptr);
        return 0;
    }
    std::size_t values = 0;
    for (const auto& [name, tensor] : content.tensors)
        values += tensor.values.size();
    expect(2 * values <= size); // no value that is not in the file
    static const std::string written = "/tmp/chromatch-fuzz-" + std::to_string(getpid()) + ".safetensors";
    write_safetensors(written, content, false);
    const SafeTensors back = read_safetensors(written);
    unlink(written.c_str());
    expect(back.metadata == content.metadata && back.tensors.size() == content.tensors.size());
    for (const auto& [name, tensor] : content.tensors)
        expect(back.tensors.at(name).shape == tensor.shape && back.tensors.at(name).values == tensor.values);
    return 0;
}
