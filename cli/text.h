// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Formats values for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/cri/v1/api.pb.h"

namespace davit::cli {

// The first twelve digits, without "sha256:": unique on a node in practice, and short enough to type.
std::string ShortId(std::string_view id);

// The age in the largest whole unit: "42s", "3m", "5h", "12d". A time in the future is "0s".
std::string AgeText(int64_t since_unix_nanoseconds, int64_t now_unix_nanoseconds);

// The time in Docker's words: "Less than a second", "42 seconds", "About an hour", "3 weeks".
std::string DurationText(int64_t nanoseconds);

// Decimal units; one decimal place from 1 kB on: "812 B", "4.2 MB".
std::string SizeText(uint64_t bytes);

// "Created", "Running", "Exited", "Unknown".
std::string StateText(::runtime::v1::ContainerState state);

// The text with control characters replaced: untrusted names and messages must not control the terminal.
std::string Printable(std::string_view text);

// The parts between separators, at least one: "a::b" gives "a", "" and "b".
std::vector<std::string> Split(const std::string& text, char separator);

}  // namespace davit::cli
