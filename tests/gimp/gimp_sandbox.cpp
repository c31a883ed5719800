// SPDX-License-Identifier: GPL-3.0-or-later
#include "gimp_sandbox.h"

#include <glib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

namespace chromatch::test {

ProgramRun run_program(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
                       int seconds)
{
    std::string limit = std::to_string(seconds);
    std::vector<std::string> all = {"timeout", "--kill-after=5", limit};
    all.insert(all.end(), arguments.begin(), arguments.end());
    ProgramRun run;
    std::vector<char*> argv;
    for (std::string& argument : all) {
        argv.push_back(argument.data());
        run.command += argument + " ";
    }
    argv.push_back(nullptr);
    gchar** variables = g_get_environ();
    for (const auto& [name, value] : environment) {
        variables = g_environ_setenv(variables, name.c_str(), value.c_str(), TRUE);
    }
    // A file, not a pipe: a process that the program leaves behind would hold a pipe open, and this one would wait for
    // it.
    gchar* output_file = nullptr;
    const int output = g_file_open_tmp("chromatch-output-XXXXXX", &output_file, nullptr);
    GError* error = nullptr;
    GPid process = 0;
    int status = 0;
    if (g_spawn_async_with_pipes_and_fds(
            nullptr, argv.data(), variables, GSpawnFlags(G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD), nullptr,
            nullptr, -1, output, output, nullptr, nullptr, 0, &process, nullptr, nullptr, nullptr, &error)) {
        waitpid(process, &status, 0);
        run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        std::ostringstream text;
        text << std::ifstream(output_file).rdbuf();
        run.output = text.str();
    } else {
        run.output = error->message;
        g_error_free(error);
    }
    close(output);
    unlink(output_file);
    g_free(output_file);
    g_strfreev(variables);
    return run;
}

GimpSandbox::GimpSandbox(const std::string& plug_in_path)
{
    std::string pattern = std::filesystem::temp_directory_path() / "chromatch-gimp-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"settings", "cache", "temporary"}) {
        std::filesystem::create_directory(folder_ / name);
    }
    use_plug_ins(plug_in_path);
}

void GimpSandbox::use_plug_ins(const std::string& path) const
{
    std::ofstream(settings_folder() / "gimprc") << "(plug-in-path \"${gimp_plug_in_dir}/plug-ins:" << path
                                                << "\")\n(show-welcome-dialog no)\n(check-updates no)\n";
}

GimpSandbox::~GimpSandbox()
{
    // For looking at what a failing case left behind.
    if (std::getenv("CHROMATCH_KEEP_SANDBOX") == nullptr) {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
}

std::map<std::string, std::string> GimpSandbox::environment() const
{
    return {{"GIMP3_DIRECTORY", settings_folder()},
            {"GIMP3_CACHEDIR", folder_ / "cache"},
            {"GIMP3_TEMPDIR", folder_ / "temporary"},
            {"HOME", folder_},
            {"XDG_CONFIG_HOME", folder_ / "settings"},
            {"XDG_CACHE_HOME", folder_ / "cache"},
            {"XDG_DATA_HOME", folder_ / "cache"},
            {"LC_ALL", "C.UTF-8"},
            {"LANGUAGE", "en"}};
}

std::string GimpSandbox::batch_command(const std::string& script) const
{
    return "(begin (define folder \"" + folder_.string() + "/\") (define script-folder \"" + SCRIPT_FOLDER +
           "/\") (load \"" SCRIPT_FOLDER "/" + script + "\"))";
}

ProgramRun GimpSandbox::run_script(const std::string& script, std::map<std::string, std::string> environment,
                                   const std::string& options) const
{
    environment.merge(this->environment());
    return run_program({GIMP_CONSOLE_PROGRAM, options, "--batch-interpreter=plug-in-script-fu-eval", "-b",
                        batch_command(script), "--quit"},
                       environment);
}

Facts read_facts(const std::filesystem::path& file)
{
    Facts facts;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t tab = line.find('\t');
        if (tab != std::string::npos) {
            facts[line.substr(0, tab)] = line.substr(tab + 1);
        }
    }
    return facts;
}

namespace {

const std::string manual_photo = "/home/me/reference.jpg";

/// The examples of the user's manual, in a function. Its home folder is this file's.
void write_readme_examples(const std::filesystem::path& file)
{
    std::ifstream readme(README_FILE);
    std::ofstream script(file);
    script << "(define (readme-examples)\n";
    bool inside = false;
    for (std::string line; std::getline(readme, line);) {
        if (line.starts_with("```")) {
            inside = line == "```scheme";
        } else if (inside) {
            const std::size_t photo = line.find(manual_photo);
            if (photo != std::string::npos) {
                line.replace(photo, manual_photo.size(), (file.parent_path() / "colors.png").string());
            }
            script << line << "\n";
        }
    }
    script << ")\n";
}

/// A folder of color photos: one of them shows what "hills-target.jpg" shows, in a folder inside it. The gray
/// one and the broken one are no references.
void write_photo_folder(const std::filesystem::path& folder)
{
    const std::filesystem::path photos = folder / "photos", samples = SAMPLES_FOLDER;
    std::filesystem::create_directories(photos / "inside");
    std::filesystem::create_directories(photos / "none");
    std::filesystem::copy_file(samples / "hills-target.jpg", folder / "hills-target.jpg");
    std::filesystem::copy_file(samples / "hills-reference.jpg", photos / "inside" / "hills-reference.jpg");
    for (const char* name : {"flower-reference.jpg", "portrait-reference.jpg"}) {
        std::filesystem::copy_file(samples / name, photos / name);
    }
    for (const char* name : {"gray.png", "not-an-image.png"}) {
        std::filesystem::copy_file(folder / name, photos / name);
    }
    std::filesystem::copy_file(folder / "gray.png", photos / "none" / "gray.png");
}

struct FinishedCases {
    FinishedCases() : sandbox(PLUGIN_PATH)
    {
        write_fixtures(sandbox.folder());
        write_photo_folder(sandbox.folder());
        write_readme_examples(sandbox.folder() / "readme_examples.scm");
        run = sandbox.run_script("cases.scm");
    }

    GimpSandbox sandbox;
    ProgramRun run;
};

const FinishedCases& cases()
{
    static const FinishedCases finished;
    return finished;
}

} // namespace

const GimpSandbox& finished_cases()
{
    return cases().sandbox;
}

const ProgramRun& cases_run()
{
    return cases().run;
}

Facts facts_of(const std::string& name)
{
    return read_facts(finished_cases().folder() / (name + ".facts"));
}

CasePictures pictures_of(const std::string& name)
{
    std::vector<Picture> row = read_row(finished_cases().folder() / (name + ".tif"), 3);
    return {row[0], row[1], row[2]};
}

std::string test_name(std::string name)
{
    for (char& letter : name) {
        letter = letter == '-' ? '_' : letter;
    }
    return name;
}

} // namespace chromatch::test
