// SPDX-License-Identifier: GPL-3.0-or-later
//
// A GIMP of its own: its settings, caches and files lie in a temporary folder, and it sees the plug-in of the build
// tree. The first start fills the caches and takes some seconds, so all cases without special needs run in one process
// of GIMP (cases.scm), and each test looks at what its case left behind.
#pragma once

#include "pictures.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace chromatch::test {

struct ProgramRun {
    int exit_code = -1; ///< 124: it took too long
    std::string output; ///< standard output and standard error
    std::string command;
};

/// Runs a program to its end with more variables in its environment.
ProgramRun run_program(const std::vector<std::string>& arguments,
                       const std::map<std::string, std::string>& environment = {}, int seconds = 900);

class GimpSandbox {
  public:
    /// plug_in_path: as in a gimprc. GIMP's own plug-ins are always in it.
    explicit GimpSandbox(const std::string& plug_in_path);
    ~GimpSandbox();
    GimpSandbox(const GimpSandbox&) = delete;
    GimpSandbox& operator=(const GimpSandbox&) = delete;

    /// Of other plug-ins than the constructor said.
    void use_plug_ins(const std::string& path) const;

    const std::filesystem::path& folder() const { return folder_; }
    std::filesystem::path settings_folder() const { return folder_ / "settings"; }
    std::map<std::string, std::string> environment() const;

    /// Script-Fu that loads a script of SCRIPT_FOLDER, in which `folder` and `script-folder` are defined.
    std::string batch_command(const std::string& script) const;

    /// Runs a script of SCRIPT_FOLDER in a GIMP without a window, then quits GIMP. options: without window, data,
    /// fonts.
    ProgramRun run_script(const std::string& script, std::map<std::string, std::string> environment = {},
                          const std::string& options = "-idf") const;

  private:
    std::filesystem::path folder_;
};

/// What one case left behind: the lines of its facts file.
using Facts = std::map<std::string, std::string>;
Facts read_facts(const std::filesystem::path& file);

/// The sandbox in which cases.scm has run. Runs it on the first call.
const GimpSandbox& finished_cases();
Facts facts_of(const std::string& name);

/// The target before, the target after and the new layer.
struct CasePictures {
    Picture before, after, result;
};
CasePictures pictures_of(const std::string& name);

/// A case's name as GoogleTest takes it.
std::string test_name(std::string name);

/// How finished_cases() went: for messages of failing tests.
const ProgramRun& cases_run();

} // namespace chromatch::test
