// SPDX-License-Identifier: GPL-3.0-or-later
//
// Colour transfer by other programs, where they are installed. Pictures go to and fro as 8-bit PPM files; a result
// keeps the L that the program gave it. Failures are std::runtime_error with one sentence.
#pragma once

#include "methods.h"

#include <filesystem>
#include <string>
#include <vector>

namespace chromatch {

/// "pca", "histogram" and "rgb": G'MIC's transfer_pca, transfer_histogram and transfer_rgb. Throws where gmic is not
/// installed or for another name.
Method gmic_method(const std::string& name);

/// "sample-colorize": GIMP's Colors > Map > Sample Colorize, in one GIMP without a window that lives as long as the
/// method. Throws where gimp-console is not installed.
Method sample_colorize_method();

/// A folder that is removed with what it holds.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

void write_ppm(const LabImage& image, const std::filesystem::path& file);

/// A binary 8-bit PPM; comments in its header are passed over.
LabImage read_ppm(const std::filesystem::path& file);

} // namespace chromatch
