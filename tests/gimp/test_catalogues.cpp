// SPDX-License-Identifier: GPL-3.0-or-later
//
// The translations in po/: each says everything that the plug-in says today, and gives no key of a dialog to two
// things.
#include "gimp_sandbox.h"

#include <glib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace chromatch::test {

namespace {

using testing::HasSubstr;
using testing::Not;

const std::filesystem::path po_folder = SOURCE_FOLDER "/po";
const std::string english = "en"; // has no catalogue

std::string read_text(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> words_of(const std::filesystem::path& path)
{
    std::istringstream text(read_text(path));
    return {std::istream_iterator<std::string>(text), {}};
}

/// The plug-in's own strings, as xgettext finds them in some of its sources.
std::string extracted(std::vector<std::string> sources)
{
    std::sort(sources.begin(), sources.end());
    std::vector<std::string> command = {"xgettext",
                                        "--directory=" SOURCE_FOLDER,
                                        "--output=-",
                                        "--from-code=UTF-8",
                                        "--no-location",
                                        "--keyword=_",
                                        "--keyword=N_",
                                        "--keyword=C_:1c,2",
                                        "--keyword=ngettext:1,2"};
    command.insert(command.end(), sources.begin(), sources.end());
    const ProgramRun run = run_program(command, {{"LC_ALL", "C"}});
    EXPECT_EQ(run.exit_code, 0) << run.command << run.output;
    std::string strings = run.output;
    const std::size_t date = strings.find("\"POT-Creation-Date:");
    return date != std::string::npos ? strings.erase(date, strings.find('\n', date) + 1 - date) : strings;
}

std::string extracted_from_all_sources()
{
    std::vector<std::string> sources;
    for (const auto& entry : std::filesystem::directory_iterator(SOURCE_FOLDER "/plugin")) {
        if (entry.path().extension() == ".cpp") {
            sources.push_back("plugin/" + entry.path().filename().string());
        }
    }
    return extracted(sources);
}

using Catalogue = std::map<std::string, std::string>;

/// A compiled catalogue: five numbers of 32 bits, of which 2, 3 and 4 are the count and where the two tables of
/// (length, place) begin. Empty where there is no such file.
Catalogue read_catalogue(const std::filesystem::path& path)
{
    const std::string file = read_text(path);
    const auto number = [&file](std::size_t place) {
        std::uint32_t value = 0;
        std::memcpy(&value, file.data() + place, sizeof value);
        return value;
    };
    Catalogue catalogue;
    for (std::uint32_t i = 0; file.size() >= 20 && i < number(8); ++i) {
        const char* const original = file.data() + number(number(12) + 8 * i + 4);
        catalogue[original] = file.data() + number(number(16) + 8 * i + 4);
    }
    return catalogue;
}

std::string translated(const Catalogue& catalogue, const std::string& text)
{
    const auto found = catalogue.find(text);
    return found != catalogue.end() ? found->second : text;
}

/// The key of a label: what follows its underscore, in lower case; empty for none.
std::string key_of(const std::string& label)
{
    const std::size_t mark = label.find('_');
    if (mark == std::string::npos) {
        return "";
    }
    char* key = g_utf8_strdown(label.c_str() + mark + 1, g_utf8_next_char(label.c_str() + mark + 1) - &label[mark + 1]);
    std::string owned = key;
    g_free(key);
    return owned;
}

/// What a dialog shows at the same time.
struct Dialog {
    const char* name;
    std::vector<std::string> labels;
    std::vector<std::string> buttons; ///< those that GIMP puts there, with words of its own
};

const std::vector<Dialog>& dialogs()
{
    const std::vector<std::string> always = {
        "Colori_ze", "Open la_yer",     "_File",        "_No reference: guess the colors", "Res_ult",   "Su_ggest...",
        "_Before",   "Loo_k at result", "C_olor hints", "Where colors co_me from",         "S_trength", "_Working size",
        "Out_put",   "_Advanced",       "De_vice",      "_Insist on the reference",        "See_d"};
    const auto with = [&always](const char* label) {
        std::vector<std::string> labels = always;
        labels.push_back(label);
        return labels;
    };
    const std::vector<std::string> buttons = {"_Help", "_Reset", "_Cancel", "_Load Saved Settings", "_Save Settings"};
    static const std::vector<Dialog> all = {
        {"coloring from a group", with("_Each layer of the group is a reference of its own"), buttons},
        {"coloring from files", with("_Just the first"), buttons},
        {"suggestions", {"Photo fo_lder", "_Cancel", "_Use as Reference"}, {}},
        {"menu", {"Colorize from _Reference...", "Colorize _Automatically..."}, {}},
    };
    return all;
}

/// Labels of arguments that no dialog shows: GIMP lists them for those who write scripts.
const std::set<std::string>& labels_of_no_dialog()
{
    static const std::set<std::string> all = {
        "Reference _layer",  "Refere_nces", "Reference _file", "More reference file_s",
        "Reference _source", "_Folder",     "_Count"};
    return all;
}

/// A language of po/LINGUAS, or English.
class Catalogues : public testing::TestWithParam<std::string> {
  protected:
    Catalogues() : sandbox_("") {}

    /// The language's catalogue, compiled against today's strings. What msgfmt says of it is in the run.
    ProgramRun compile()
    {
        const std::string merged = sandbox_.folder() / "merged.po";
        std::ofstream(sandbox_.folder() / "all.pot") << extracted_from_all_sources();
        ProgramRun run = run_program({"msgmerge", "--quiet", "--no-fuzzy-matching", "--output-file=" + merged,
                                      po_folder / (GetParam() + ".po"), sandbox_.folder() / "all.pot"});
        if (run.exit_code == 0) {
            run = run_program({"msgfmt", "--check", "--check-accelerators=_", "--statistics",
                               "--output-file=" + compiled().string(), merged},
                              {{"LC_ALL", "C"}});
        }
        return run;
    }

    std::filesystem::path compiled() const { return sandbox_.folder() / "compiled.mo"; }

  private:
    GimpSandbox sandbox_;
};

class Keys : public Catalogues {};

std::vector<std::string> languages(bool with_english)
{
    std::vector<std::string> all = words_of(po_folder / "LINGUAS");
    if (with_english) {
        all.push_back(english);
    }
    return all;
}

} // namespace

/// msgfmt itself finds a directive that is missing or of another kind, and a key that is not there.
TEST_P(Catalogues, AreCompleteAndKeepTheDirectives)
{
    const ProgramRun run = compile();
    EXPECT_EQ(run.exit_code, 0) << run.output;
    EXPECT_THAT(run.output, HasSubstr(" translated messages."));
    EXPECT_THAT(run.output, Not(HasSubstr("untranslated")));
    EXPECT_THAT(run.output, Not(HasSubstr("fuzzy")));
}

/// Two things with one key would make it go from one to the other instead of pressing anything.
TEST_P(Keys, HaveOneMeaningInADialog)
{
    if (GetParam() != english) {
        const ProgramRun run = compile();
        ASSERT_EQ(run.exit_code, 0) << run.output;
    }
    const Catalogue own = read_catalogue(compiled());
    const Catalogue gimp =
        read_catalogue(std::filesystem::path(GIMP_LOCALE_FOLDER) / GetParam() / "LC_MESSAGES" / "gimp30-libgimp.mo");
    for (const Dialog& dialog : dialogs()) {
        std::map<std::string, std::string> meaning;
        // GIMP's own may meet among themselves. A system without its translations does not say which keys it takes.
        for (const std::string& button : dialog.buttons) {
            if (!gimp.empty() || GetParam() == english) {
                meaning[key_of(translated(gimp, button))] = button;
            }
        }
        for (const std::string& label : dialog.labels) {
            const std::string key = key_of(translated(own, label));
            EXPECT_NE(key, "") << label;
            const auto [other, is_new] = meaning.emplace(key, label);
            EXPECT_TRUE(is_new) << dialog.name << ": " << key << " is the key of \"" << other->second << "\" and of \""
                                << label << "\"";
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Languages, Catalogues, testing::ValuesIn(languages(false)),
                         [](const auto& info) { return test_name(info.param); });
INSTANTIATE_TEST_SUITE_P(Languages, Keys, testing::ValuesIn(languages(true)),
                         [](const auto& info) { return test_name(info.param); });

/// Else a new string would be missing in the translators' template, or a new key in the test above.
TEST(CatalogueSources, AreListed)
{
    const std::string all = extracted_from_all_sources();
    EXPECT_EQ(extracted(words_of(po_folder / "POTFILES")), all) << "a source is missing in po/POTFILES";
    std::set<std::string> known = labels_of_no_dialog();
    for (const Dialog& dialog : dialogs()) {
        known.insert(dialog.labels.begin(), dialog.labels.end());
    }
    std::set<std::string> found;
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);) {
        const std::string begin = "msgid \"";
        if (line.starts_with(begin) && line.find('_') != std::string::npos) {
            found.insert(line.substr(begin.size(), line.size() - begin.size() - 1));
        }
    }
    EXPECT_EQ(found, known);
}

} // namespace chromatch::test
