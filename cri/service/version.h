// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#pragma once

namespace davit::cri {
inline constexpr char kDavitVersion[] = DAVIT_VERSION;  // set by CMake from the project's version
}
