// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Numbers with units, as Go's and Docker's command lines read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace davit::cli::dockerfile {

// In nanoseconds: "1h30m", "1.5s", "100ms", "-1m", "0". None if it has another form or does not fit.
std::optional<int64_t> ParseDuration(std::string_view text);

// In bytes, units of 1024: "64m", "1.5GiB", "512kb", "10". None if it has another form or does not fit.
std::optional<int64_t> ParseByteSize(std::string_view text);

// "1", "t", "T", "TRUE", "true", "True", and the same for false.
std::optional<bool> ParseBool(std::string_view text);

// A whole number without a sign; none if it has another form or does not fit.
std::optional<uint32_t> ParseNumber(std::string_view text, int base);

}  // namespace davit::cli::dockerfile
