// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names of CDI devices: "vendor.com/class=device".
#pragma once

#include <string_view>

namespace davit::cri::cdi {

// "vendor.com/class". Each of the two parts begins with a letter, ends with a letter or digit, and may
// contain "_", "-" and "." between them.
bool IsKind(std::string_view kind);

// Begins and ends with a letter or digit; may contain "_", "-", "." and ":" between them.
bool IsDeviceName(std::string_view name);

}  // namespace davit::cri::cdi
