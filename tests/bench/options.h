// SPDX-License-Identifier: GPL-3.0-or-later
//
// The values of the commands' options.
#pragma once

#include "selection.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <sstream>
#include <string>
#include <vector>

namespace chromatch {

/// Throws UsageError where the text is no number from low to high.
template <class Number> Number parse_number(const std::string& option, const std::string& text, Number low, Number high)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high)) {
        std::ostringstream sentence;
        sentence << option << " wants a " << (std::integral<Number> ? "whole " : "") << "number from " << low << " to "
                 << high << ", not \"" << text << "\".";
        throw UsageError(sentence.str());
    }
    return value;
}

/// The same for several numbers with commas between them.
template <class Number>
std::vector<Number> parse_numbers(const std::string& option, const std::string& text, Number low, Number high)
{
    std::vector<Number> numbers;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        numbers.push_back(parse_number(option, text.substr(begin, end - begin), low, high));
        begin = end + 1;
    }
    return numbers;
}

} // namespace chromatch
