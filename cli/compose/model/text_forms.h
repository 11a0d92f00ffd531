// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Values that Compose files write as texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cli::compose {

// The parts between separators, at least one.
std::vector<std::string> SplitText(std::string_view text, char separator);

// The words of a command line, with quotes and backslashes as a shell reads them. No value: a quote is not
// closed.
std::optional<std::vector<std::string>> SplitWords(std::string_view text);

// "1h5m30.5s", "200ms", "40us", in nanoseconds. No value for texts of another form, and beyond 100 years.
std::optional<int64_t> ParseDuration(std::string_view text);
// As Go prints it: "1h0m0s", "1m30s", "1.5s", "200ms".
std::string DurationText(int64_t nanoseconds);

// "512m", "1.5gb", "4096": bytes, with binary units.
std::optional<int64_t> ParseBytes(std::string_view text);

}  // namespace davit::cli::compose
