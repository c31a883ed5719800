// SPDX-License-Identifier: GPL-3.0-or-later
#include "selection.h"

#include <algorithm>
#include <sstream>

namespace chromatch {

std::vector<std::string> parse_selection(const std::string& option, const std::string& text,
                                         const std::vector<std::string>& known)
{
    std::vector<std::string> asked, selected;
    std::istringstream stream(text);
    for (std::string name; std::getline(stream, name, ',');)
        asked.push_back(name);
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    const auto unknown =
        std::find_if(asked.begin(), asked.end(), [&](const std::string& name) { return !has(known, name); });
    if (asked.empty() || unknown != asked.end()) {
        std::string list;
        for (const std::string& name : known)
            list += (list.empty() ? "" : ", ") + name;
        throw UsageError(option + " wants one or more of " + list + ", with commas between them, not \"" +
                         (asked.empty() ? text : *unknown) + "\".");
    }
    for (const std::string& name : known)
        if (has(asked, name))
            selected.push_back(name);
    return selected;
}

} // namespace chromatch
