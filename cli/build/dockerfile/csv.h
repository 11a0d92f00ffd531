// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Comma-separated values on one line (RFC 4180), as in RUN --mount.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cli::dockerfile {

// A field that begins with `"` ends at the next one; `""` in it is a quote. None if the line is empty, or a
// quote is in a field without quotes, has no end, or is followed by something else than a comma.
std::optional<std::vector<std::string>> SplitCsv(std::string_view line);

}  // namespace davit::cli::dockerfile
