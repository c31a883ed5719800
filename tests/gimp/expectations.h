// SPDX-License-Identifier: GPL-3.0-or-later
//
// What holds for every run of the plug-in that a script has written down with run-case.
#pragma once

#include "gimp_sandbox.h"

namespace chromatch::test {

/// The run succeeded: the new layer lies above the target and looks like it, but for its colours. Returns the three
/// pictures; empty ones where something failed.
CasePictures expect_colored(const GimpSandbox& sandbox, const std::string& name);

/// The same without a look at the pictures.
void expect_layer_above(const GimpSandbox& sandbox, const std::string& name);

/// The run failed: nothing has changed.
void expect_untouched(const GimpSandbox& sandbox, const std::string& name);

} // namespace chromatch::test
