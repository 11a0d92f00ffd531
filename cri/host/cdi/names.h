// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names of devices: "vendor.com/class=device".
#pragma once

#include <string_view>

namespace davit::cdi {

// "vendor.com/class": a letter first, a letter or digit last, between them also "_", "-" and, in both parts,
// ".".
bool IsKind(std::string_view kind);

// A letter or digit first and last, between them also "_", "-", "." and ":".
bool IsDeviceName(std::string_view name);

}  // namespace davit::cdi
