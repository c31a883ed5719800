// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs that fail: a sentence that names the value, and an untouched image.
#include "expectations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chromatch::test {

namespace {

using testing::HasSubstr;

struct BadArgument {
    const char* name;
    std::vector<std::string> words; ///< parts of the sentence
};

void PrintTo(const BadArgument& bad, std::ostream* stream)
{
    *stream << bad.name;
}

class BadArguments : public testing::TestWithParam<BadArgument> {};

} // namespace

TEST_P(BadArguments, AreNamedAndLeaveTheImageAlone)
{
    const BadArgument& bad = GetParam();
    const std::string error = facts_of(bad.name)["error"];
    for (const std::string& word : bad.words) {
        EXPECT_THAT(error, HasSubstr(word)) << cases_run().output;
    }
    expect_untouched(finished_cases(), bad.name);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadArguments,
    testing::Values(BadArgument{"missing-file", {"missing.png", "does not exist"}},
                    BadArgument{"not-an-image", {"not-an-image.png", "cannot be opened"}},
                    BadArgument{"transparent-reference", {"transparent.png", "is transparent"}},
                    BadArgument{"working-size-too-large", {"5000", "64 to 1024"}},
                    BadArgument{"own-reference", {"cannot be its own reference"}},
                    BadArgument{"two-drawables", {"one layer at a time", "2"}},
                    BadArgument{"a-channel", {"Channel", "is none"}},
                    BadArgument{"transparent-hints", {"transparent.png", "gray.png", "no color hints"}},
                    BadArgument{"hints-elsewhere", {"stroke.png", "no color hints over"}},
                    BadArgument{"hidden-hints", {"stroke.png", "no color hints over"}},
                    BadArgument{"opaque-hints", {"Strokes on paper", "no alpha channel"}},
                    BadArgument{"own-hints", {"gray.png", "for itself"}},
                    BadArgument{"foreign-hints", {"stroke.png", "another image", "gray.png"}},
                    BadArgument{"automatic-two-drawables", {"one layer at a time", "2"}},
                    BadArgument{"nothing-selected", {"halves.png", "leaves nothing"}},
                    BadArgument{"everything-masked", {"halves.png", "leaves nothing"}},
                    BadArgument{"selected-beside-the-layer", {"leaves nothing of the layer", "gray.png"}},
                    BadArgument{"black-mask", {"leaves nothing of the layer", "gray.png"}},
                    BadArgument{"own-reference-in-list", {"cannot be its own reference"}},
                    BadArgument{"missing-file-in-list", {"missing.png", "does not exist"}},
                    BadArgument{"file-in-list-is-no-image", {"not-an-image.png", "cannot be opened"}},
                    BadArgument{"group-without-layers", {"Empty", "no visible layer"}}),
    [](const auto& info) { return test_name(info.param.name); });

TEST(Failures, UncaughtFailureEndsABatchWithTheSentence)
{
    const ProgramRun run = finished_cases().run_script("missing_reference.scm");
    EXPECT_NE(run.exit_code, 0) << run.output;
    EXPECT_THAT(run.output, HasSubstr("missing.png\" does not exist"));
}

/// gettext ignores LANGUAGE in the C locale, and a small system has no other: so its C locale is given another name.
TEST(Failures, SentenceIsTranslated)
{
    const std::filesystem::path c_locale = "/usr/lib/locale/C.utf8";
    if (!std::filesystem::exists(c_locale)) {
        GTEST_SKIP() << "no " << c_locale << " to make a German locale from";
    }
    const std::filesystem::path locales = finished_cases().folder() / "locales";
    std::filesystem::create_directory(locales);
    std::filesystem::copy(c_locale, locales / "de_DE.utf8", std::filesystem::copy_options::recursive);
    const ProgramRun run = finished_cases().run_script(
        "missing_reference.scm", {{"LOCPATH", locales}, {"LC_ALL", "de_DE.UTF-8"}, {"LANGUAGE", "de"}});
    EXPECT_THAT(run.output, HasSubstr("gibt es nicht"));
}

TEST(Failures, MissingModelsAreNamed)
{
    const std::string models = finished_cases().folder() / "no-models";
    const ProgramRun run = finished_cases().run_script("broken_models.scm", {{"CHROMATCH_MODELS", models}});
    const std::string error = read_facts(finished_cases().folder() / "broken-models.facts")["error"];
    EXPECT_THAT(error, HasSubstr(models)) << run.output;
    EXPECT_THAT(error, HasSubstr("not found"));
    expect_untouched(finished_cases(), "broken-models");
}

} // namespace chromatch::test
