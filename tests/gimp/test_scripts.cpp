// SPDX-License-Identifier: GPL-3.0-or-later
//
// The script that colors folders, and the examples of the user's manual.
#include "gimp_sandbox.h"
#include "pictures.h"

#include <glib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>

namespace chromatch::test {

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string contents(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::string replaced(std::string text, const std::string& from, const std::string& to)
{
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

/// The examples of one kind in a page: the text of each <pre class="KIND">.
std::vector<std::string> examples(const fs::path& page, const std::string& kind)
{
    const std::string all = contents(page);
    const std::regex pattern("<pre class=\"" + kind + "\"><code>([^]*?)</code></pre>");
    std::vector<std::string> found;
    for (std::sregex_iterator match(all.begin(), all.end(), pattern), end; match != end; ++match) {
        found.push_back(
            replaced(replaced(replaced((*match)[1], "&lt;", "<"), "&gt;", ">"), "&amp;", "&")); // HTML's three
    }
    return found;
}

std::vector<std::string> manual_examples(const std::string& kind)
{
    std::vector<std::string> all;
    std::vector<fs::path> pages;
    for (const auto& entry : fs::directory_iterator(MANUAL_FOLDER "/en")) {
        pages.push_back(entry.path());
    }
    std::sort(pages.begin(), pages.end());
    for (const fs::path& page : pages) {
        const std::vector<std::string> found = examples(page, kind);
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

struct FinishedScripts {
    FinishedScripts() : sandbox(PLUGIN_PATH)
    {
        const fs::path& folder = sandbox.folder();
        write_fixtures(folder);
        const fs::path scripts = sandbox.settings_folder() / "scripts";
        fs::create_directory(scripts);
        fs::create_symlink(FOLDER_SCRIPT, scripts / "chromatch-folder.scm");
        fs::create_directories(folder / "scans" / "a folder.png");
        fs::create_directory(folder / "one-scan");
        for (const char* name : {"scans", "one-scan"}) {
            fs::copy_file(folder / "gray.png", folder / name / "one.png");
        }
        fs::create_directory(folder / "same-names");
        for (const char* name : {"scan.PNG", "scan.png", "scan.png.png"}) {
            fs::copy_file(folder / "gray.png", folder / "same-names" / name);
        }
        fs::create_directory(folder / "turned");
        write_turned_jpeg(folder / "gray.png", folder / "turned" / "turned.jpg");
        fs::copy_file(folder / "fading.png", folder / "scans" / "two.png");
        fs::copy_file(folder / "wide-target.png", folder / "scans" / "Three.PNG");
        std::ofstream(folder / "scans" / "broken.png", std::ios::binary)
            << contents(folder / "gray.png").substr(0, 500);
        std::ofstream(folder / "scans" / "notes.txt") << "No picture.\n";
        std::ofstream(folder / "scans" / ".hidden.png") << "Of no concern.\n";
        std::ofstream script(folder / "manual_examples.scm");
        script << "(define (manual-examples)\n";
        for (const std::string& example : manual_examples("scheme")) {
            script << replaced(replaced(example, "/home/me/reference.jpg", folder / "colors.png"), "/home/me", folder)
                   << "\n";
        }
        script << ")\n";
        script.close();
        run = sandbox.run_script("scripts.scm");
    }

    Facts facts(const std::string& name) const { return read_facts(sandbox.folder() / (name + ".facts")); }

    GimpSandbox sandbox;
    ProgramRun run;
};

const FinishedScripts& scripts()
{
    static const FinishedScripts finished;
    return finished;
}

Picture picture(const fs::path& file)
{
    return read_row(file, 1).front();
}

/// A result is there, is colored, and is as large, as light and as opaque as its scan.
void expect_colored(const fs::path& scan, const fs::path& result, double most_luminance_difference = 0.5)
{
    ASSERT_TRUE(fs::exists(result)) << result << "\n" << scripts().run.output;
    const Picture before = picture(scan);
    const Picture after = picture(result);
    ASSERT_EQ(after.width, before.width) << result;
    ASSERT_EQ(after.height, before.height) << result;
    EXPECT_LT(mean_chroma(before), 1.0);
    EXPECT_GT(mean_chroma(after), 3.0) << result;
    EXPECT_LT(mean_luminance_difference(before, after), most_luminance_difference) << result;
    EXPECT_LE(largest_alpha_difference(before, after), 1.0 / 255.0) << result;
}

} // namespace

TEST(FolderScript, RunsEveryCase)
{
    EXPECT_EQ(scripts().facts("scripts")["finished"], "yes") << scripts().run.output;
}

TEST(FolderScript, ColorsEveryPictureAndNamesTheOthers)
{
    const fs::path& folder = scripts().sandbox.folder();
    Facts facts = scripts().facts("batch");
    EXPECT_EQ(facts["error"], "") << scripts().run.output;
    EXPECT_EQ(facts["images-left"], "0");
    EXPECT_THAT(facts["report"], HasSubstr("Pictures colored: 3 of 4"));
    EXPECT_THAT(facts["report"], HasSubstr((folder / "scans" / "colorized").string()));
    EXPECT_THAT(facts["report"], HasSubstr("failed: broken.png ("));
    EXPECT_THAT(facts["report"], HasSubstr("no pictures: notes.txt."));
    EXPECT_THAT(facts["report"], Not(HasSubstr("a folder")));
    EXPECT_THAT(facts["report"], Not(HasSubstr("hidden")));
    expect_colored(folder / "scans/one.png", folder / "scans/colorized/one.png");
    expect_colored(folder / "scans/two.png", folder / "scans/colorized/two.png");
    expect_colored(folder / "scans/Three.PNG", folder / "scans/colorized/Three.png");
    EXPECT_FALSE(fs::exists(folder / "scans/colorized/broken.png"));
    EXPECT_FALSE(fs::exists(folder / "scans/colorized/.chromatch-folder-probe"));
}

TEST(FolderScript, OverwritesNeitherResultNorScan)
{
    const fs::path& folder = scripts().sandbox.folder();
    Facts again = scripts().facts("batch-again");
    EXPECT_EQ(again["error"], "");
    EXPECT_THAT(again["report"], HasSubstr("Pictures colored: 0 of 4"));
    EXPECT_THAT(again["report"], HasSubstr("are there already: Three.PNG, one.png, two.png;"));
    EXPECT_THAT(scripts().facts("batch-into-scans")["report"], HasSubstr("are there already: one.png."));
    EXPECT_EQ(contents(folder / "one-scan/one.png"), contents(folder / "gray.png"));
    EXPECT_EQ(contents(folder / "scans/one.png"), contents(folder / "gray.png"));
    EXPECT_EQ(contents(folder / "scans/two.png"), contents(folder / "fading.png"));
    EXPECT_EQ(contents(folder / "scans/Three.PNG"), contents(folder / "wide-target.png"));
}

TEST(FolderScript, TakesFormatStrengthAndOutputFolder)
{
    const fs::path& folder = scripts().sandbox.folder();
    EXPECT_THAT(scripts().facts("batch-jpg")["report"], HasSubstr("Pictures colored: 1 of 1"));
    constexpr double jpeg_loss = 3.0;
    expect_colored(folder / "scans/one.png", folder / "jpg/one.jpg", jpeg_loss);
    EXPECT_LT(mean_chroma(picture(folder / "jpg/one.jpg")),
              0.75 * mean_chroma(picture(folder / "scans/colorized/one.png")));

    EXPECT_THAT(scripts().facts("batch-numbered")["report"], HasSubstr("Pictures colored: 1 of 1"));
    expect_colored(folder / "scans/one.png", folder / "numbered/one.tif");
}

TEST(FolderScript, GuessesColorsWithoutAReference)
{
    const fs::path& folder = scripts().sandbox.folder();
    EXPECT_THAT(scripts().facts("batch-automatic")["report"], HasSubstr("Pictures colored: 1 of 1"));
    const Picture guessed = picture(folder / "automatic/one.png");
    EXPECT_GT(mean_chroma(guessed), 0.5);
    EXPECT_GT(largest_difference(picture(folder / "scans/colorized/one.png"), guessed), 0.01);
}

TEST(FolderScript, ScansOfOneNameKeepTheirEndings)
{
    const fs::path folder = scripts().sandbox.folder() / "same-names";
    EXPECT_THAT(scripts().facts("same-names")["report"], HasSubstr("Pictures colored: 3 of 3"));
    for (const char* scan : {"scan.PNG", "scan.png", "scan.png.png"}) {
        expect_colored(folder / scan, folder / "colorized" / (std::string(scan) + ".png"));
    }
    EXPECT_THAT(scripts().facts("same-names-again")["report"], HasSubstr("Pictures colored: 0 of 3"));
    // Among the scans, a result is no scan of the same name.
    EXPECT_THAT(scripts().facts("same-names-into-scans")["report"], HasSubstr("Pictures colored: 3 of 3"));
    EXPECT_THAT(scripts().facts("same-names-into-scans-again")["report"], HasSubstr("Pictures colored: 0 of 6"));
    EXPECT_TRUE(fs::exists(folder / "scan.PNG.jpg"));
    EXPECT_EQ(contents(folder / "scan.png"), contents(scripts().sandbox.folder() / "gray.png"));
}

TEST(FolderScript, PhotosOnTheirSideComeOutUpright)
{
    const fs::path folder = scripts().sandbox.folder();
    EXPECT_THAT(scripts().facts("turned")["report"], HasSubstr("Pictures colored: 1 of 1"));
    const Picture stored = picture(folder / "gray.png");
    const Picture result = picture(folder / "turned/colorized/turned.png");
    ASSERT_EQ(result.width, stored.height);
    ASSERT_EQ(result.height, stored.width);
    Picture upright = result;
    for (int y = 0; y < result.height; ++y) {
        for (int x = 0; x < result.width; ++x) {
            const float* from =
                &stored.rgba[4 * ((stored.height - 1 - x) * static_cast<std::size_t>(stored.width) + y)];
            std::copy(from, from + 4, &upright.rgba[4 * (y * static_cast<std::size_t>(result.width) + x)]);
        }
    }
    EXPECT_LT(mean_luminance_difference(upright, result), 1.5); // of JPEG
    EXPECT_EQ(scripts().facts("turned-result")["width"], std::to_string(result.width));
}

TEST(FolderScript, HalfAResultCountsAsNone)
{
    Facts full_disk = scripts().facts("full-disk");
    EXPECT_THAT(full_disk["report"], HasSubstr("Pictures colored: 0 of 1"));
    EXPECT_THAT(full_disk["report"], HasSubstr("failed: one.png (The disk is full.)"));
    EXPECT_EQ(full_disk["images-left"], "0");
    EXPECT_EQ(scripts().facts("full-disk-left")["result"], "#f");
    EXPECT_EQ(scripts().facts("full-disk-left")["mark"], "#f");
    EXPECT_THAT(scripts().facts("half-a-file-of-others")["report"], HasSubstr("are there already: one.png"));
    const fs::path folder = scripts().sandbox.folder();
    EXPECT_THAT(scripts().facts("ended-batch")["report"], HasSubstr("Pictures colored: 1 of 1"));
    expect_colored(folder / "one-scan/one.png", folder / "unfinished/one.png");
    EXPECT_FALSE(fs::exists(folder / "unfinished/.one.png.part"));
}

TEST(FolderScript, SaysWhatIsWrongInOneSentence)
{
    const std::string folder = scripts().sandbox.folder();
    const std::map<std::string, std::string> sentences = {
        {"no-scans", "The folder of scans \"" + folder + "/nowhere\" does not exist."},
        {"nothing-chosen", "No folder of scans is chosen."},
        {"no-reference", "The reference file \"" + folder + "/nowhere.png\" does not exist."},
        {"output-cannot-be-made", "The output folder \"/proc/chromatch\" cannot be made."},
        {"output-cannot-be-written", "The output folder \"/proc\" cannot be written to."},
        {"output-is-a-file", "The output folder \"" + folder + "/gray.png\" cannot be written to."},
        {"strange-format", "The format \"doc\" is none of png, jpg and tif."},
        {"strange-setting", "There is no setting \"colour\"."},
        {"setting-without-name", "Settings are given as a name and a value"}};
    for (const auto& [name, sentence] : sentences) {
        Facts facts = scripts().facts(name);
        EXPECT_THAT(facts["error"], HasSubstr(sentence)) << name;
        EXPECT_EQ(facts["report"], "") << name;
        EXPECT_EQ(facts["images-left"], "0") << name;
    }
}

TEST(Manual, SchemeExamplesRun)
{
    Facts facts = scripts().facts("manual");
    EXPECT_EQ(facts["error"], "") << scripts().run.output;
    int layers = 0;
    const std::regex colored("\\(plug-in-chromatch(-automatic)? ");
    for (const std::string& example : manual_examples("scheme")) {
        layers += static_cast<int>(std::distance(std::sregex_iterator(example.begin(), example.end(), colored), {}));
    }
    EXPECT_GT(layers, 5);
    EXPECT_EQ(std::stoi(facts["layers"]), std::stoi(facts["layers-before"]) + layers);
    EXPECT_TRUE(fs::exists(scripts().sandbox.folder() / "colored/one.jpg"));
}

/// In a folder with the pictures that the examples name.
TEST(Manual, ShellExamplesRun)
{
    const fs::path folder = scripts().sandbox.folder() / "shell";
    std::map<std::string, std::string> environment = scripts().sandbox.environment();
    environment["PATH"] = CLI_FOLDER ":" + std::string(std::getenv("PATH"));
    const bool has_command = fs::exists(CLI_FOLDER "/chromatch");
    int run_examples = 0;
    for (const std::string& example : manual_examples("shell")) {
        if (!has_command && example.starts_with("chromatch")) {
            continue;
        }
        const ProgramRun run = run_program(
            {"sh", "-ec", "cd '" + folder.string() + "'\n" + replaced(example, "/home/me", folder)}, environment);
        EXPECT_EQ(run.exit_code, 0) << run.output;
        ++run_examples;
    }
    EXPECT_EQ(run_examples, has_command ? 2 : 1);
    expect_colored(folder / "scans/one.tif", folder / "scans/colorized/one.png");
    if (has_command) {
        expect_colored(folder / "old.png", folder / "old-color.png");
        EXPECT_FALSE(fs::is_empty(folder / "colored"));
    }
}

/// In a GIMP with a window: the Help button opens the manual in the desktop's web browser, and the script runs from its
/// menu entry with what its dialog remembers.
TEST(Manual, OpensFromTheDialogAndTheScriptFromItsMenu)
{
    for (const char* program : {"Xvfb", "xdotool", "openbox"}) {
        gchar* path = g_find_program_in_path(program);
        if (path == nullptr) {
            GTEST_SKIP() << program << " is not installed";
        }
        g_free(path);
    }
    const GimpSandbox& sandbox = scripts().sandbox;
    const fs::path& folder = sandbox.folder();
    const fs::path browser = folder / "browser";
    std::ofstream(browser) << "#!/bin/sh\necho \"$1\" >> '" << (folder / "browsed").string() << "'\n";
    fs::permissions(browser, fs::perms::owner_all);
    const fs::path data = sandbox.environment().at("XDG_DATA_HOME");
    const fs::path config = sandbox.environment().at("XDG_CONFIG_HOME");
    fs::create_directories(data / "applications");
    std::ofstream(data / "applications" / "test-browser.desktop")
        << "[Desktop Entry]\nType=Application\nName=Browser\nMimeType=text/html;\nExec=" << browser.string() << " %u\n";
    std::ofstream(config / "mimeapps.list") << "[Default Applications]\ntext/html=test-browser.desktop\n";
    fs::create_directories(sandbox.settings_folder() / "plug-in-settings");
    std::ofstream(sandbox.settings_folder() / "plug-in-settings" /
                  "GimpProcedureConfigRun-script-fu-chromatch-folder.last")
        << "(dirname \"file://" << (folder / "one-scan").string() << "\")\n(filename \"file://"
        << (folder / "warm.png").string() << "\")\n(option 0)\n(adjustment 1)\n(adjustment-2 64)\n";

    std::map<std::string, std::string> environment = sandbox.environment();
    environment["NO_AT_BRIDGE"] = "1";
    const ProgramRun run = run_program({SCRIPT_FOLDER "/scripts.sh", folder, GIMP_PROGRAM, "--no-data", "--no-fonts",
                                        "--no-splash", "--new-instance", folder / "gray.png"},
                                       environment);
    ASSERT_EQ(run.exit_code, 0) << run.output;
    std::string page = contents(folder / "browsed");
    page = replaced(page.substr(0, page.find('\n')), "file://", "");
    EXPECT_EQ(page, PLUGIN_PATH "/chromatch/help/en/automatic.html");
    EXPECT_TRUE(fs::exists(page));
    expect_colored(folder / "one-scan/one.png", folder / "one-scan/colorized/one.png");
}

/// What the manual says about a message helps only where the message is still that one.
TEST(Manual, ExplainsMessagesThatThereAre)
{
    std::string sources;
    for (const char* folder : {"/..", "/../scripts"}) {
        for (const auto& entry : fs::directory_iterator(std::string(MANUAL_FOLDER) + folder)) {
            sources += entry.is_regular_file() ? contents(entry.path()) : "";
        }
    }
    sources = replaced(std::regex_replace(sources, std::regex("\"\\s*\n\\s*\""), ""), "\\\"", "\"");
    const std::string page = contents(MANUAL_FOLDER "/en/messages.html");
    const std::regex cell("<td class=\"wide\">([^<]*)</td>");
    const std::regex value("\\s*(…|[0-9]+| / )\\s*");
    int messages = 0;
    for (std::sregex_iterator match(page.begin(), page.end(), cell), end; match != end; ++match, ++messages) {
        const std::string message = (*match)[1];
        std::string longest;
        for (std::sregex_token_iterator part(message.begin(), message.end(), value, -1), last; part != last; ++part) {
            longest = part->length() > static_cast<std::ptrdiff_t>(longest.size()) ? part->str() : longest;
        }
        longest = std::regex_replace(longest, std::regex("\\s+"), " ");
        EXPECT_GT(longest.size(), 10u) << message;
        EXPECT_TRUE(sources.find(longest) != std::string::npos) << message << ": \"" << longest << "\"";
    }
    EXPECT_GT(messages, 20);
}

/// Every link and picture of the manual leads to something, as installed.
TEST(Manual, LinksLeadSomewhere)
{
    const std::regex link("(?:href|src|ref)=\"([^\"#:]*)(?:#([^\"]*))?\"");
    int links = 0;
    for (const auto& page : fs::directory_iterator(PLUGIN_PATH "/chromatch/help/en")) {
        const std::string text = contents(page);
        for (std::sregex_iterator match(text.begin(), text.end(), link), end; match != end; ++match) {
            const std::string name = (*match)[1];
            // Not a normal path: en/ is a link to the sources here, and ../ would leave it there.
            const fs::path file = name.starts_with("../") ? fs::path(PLUGIN_PATH "/chromatch/help") / name.substr(3)
                                  : name.empty()          ? page.path()
                                                          : page.path().parent_path() / name;
            EXPECT_TRUE(fs::is_regular_file(file)) << page.path() << ": " << name;
            if ((*match)[2].length() > 0) {
                EXPECT_THAT(contents(file), HasSubstr("id=\"" + (*match)[2].str() + "\"")) << page.path();
            }
            ++links;
        }
    }
    EXPECT_GT(links, 20);
}

} // namespace chromatch::test
