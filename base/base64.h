// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Base 64 (RFC 4648 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace davit {

std::string EncodeBase64(std::string_view data);

// Returns no value for malformed text. Padding may be omitted; its length is not checked.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace davit
